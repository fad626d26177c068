import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct FilterLanguageTests {
    /// What is written, how it is written again, and the same for programs.
    @Test(
        arguments: [
            (
                "price < 50 and brand in ('Acme', 'Bolt') and not tags = 'used'",
                "price < 50 and brand in ('Acme', 'Bolt') and tags != 'used'"
            ),
            ("a=1 or b=2 and c=3", "a = 1 or (b = 2 and c = 3)"),
            ("(a = 1 or b = 2) and c = 3", "c = 3 and (a = 1 or b = 2)"),
            ("NOT a = 1", "a != 1"), ("not (a = 1 or b = 1)", "not (a = 1 or b = 1)"), ("not not a = 1", "a = 1"),
            ("((a = 1))", "a = 1"),
            ("a <> 'it''s'", "a != 'it''s'"), ("a == 5.0", "a = 5"), ("a = 5.5", "a between 5.5 and 5.5"),
            ("5 >= a > -2", "-2 < a <= 5"),
            ("a >= '2026-01-01'", "a >= '2026-01-01T00:00:00Z'"), ("'2026-01-01' <= a", "a >= '2026-01-01T00:00:00Z'"),
            ("a between '2026-01-01' and '2026-01-02'", "a between '2026-01-01T00:00:00Z' and '2026-01-02T00:00:00Z'"),
            ("a is not null and b exists and c is missing", "c is empty and a is not null and b exists"),
            ("\"x y\".\"id\"[0][] = 1 and \"not\" = 2", "\"x y\".id[0][] = 1 and \"not\" = 2"),
            ("count = 1 or a = 1", nil), ("\"count\" = 1", "\"count\" = 1"),
            ("name not contains 'x' and name starts with 'y'", "name starts with 'y' and not name contains 'x'"),
            (
                "name matches 'a b' and name matches any 'c' and name matches phrase 'd e'",
                "name matches 'a b' and name matches any 'c' and name matches phrase 'd e'"
            ),
            ("p near (52.5, 13.4, 1000)", "p near (52.5, 13.4, 1000)"),
            ("p within box (2, 1, 1, 2)", "p within box (2, 1, 1, 2)"),
            (
                "p within polygon ((0,0),(0,1),(1,1),(0,0)) without ((0,0),(0,1),(1,1))",
                "p within polygon ((0, 0), (0, 1), (1, 1)) without ((0, 0), (0, 1), (1, 1))"
            ),
            ("count(tags) > 2 and 1 <= count(b[]) < 3", "count(tags) > 2 and 1 <= count(b[]) < 3"),
            ("any stock has (shop = 'north' and left > 0)", "any stock has (shop = 'north' and left > 0)"),
            ("at least 2 of (a = 1, b = 1 or c = 1, not d = 1)", "at least 2 of (a = 1, (b = 1 or c = 1), (d != 1))"),
            (
                "id in (5, '550e8400-e29b-41d4-a716-446655440000') and has vector 'b' and slice 0 of 4",
                "id in (5, '550e8400-e29b-41d4-a716-446655440000') and has vector 'b' and slice 0 of 4"
            ),
            ("straße = 'ß' and a:b/c-d = 1", "straße = 'ß' and a:b/c-d = 1"), ("a in (1, 2, -3)", "a in (-3, 1, 2)"),
            ("true", "true"), ("a = 1 and true", "a = 1 and true"),
        ] as [(String, String?)])
    func readsAndWrites(_ text: String, _ written: String?) throws {
        guard let written else {
            #expect(throws: BelfryError.self) { try Filter(parsing: text) }
            return
        }
        let filter = try Filter(parsing: text)
        #expect(filter.description == written)
        #expect(try Filter(parsing: written).description == written)
    }

    @Test(arguments: [
        ("", 1, "a condition is expected"), ("price <", 8, "a number, or a time"),
        ("price < and x = 1", 9, "and found"),
        ("brand = \"Acme\"", 9, "Double quotes stand around fields; write 'Acme'"),
        ("brand = Acme", 9, "single quotes"),
        ("(a = 1", 7, "“and”, “or” or “)”"), ("a = 1)", 6, "the end"), ("a = 'x", 5, "no second quotation mark"),
        ("a ! 1", 3, "“!” is followed"),
        ("a = 1 & b = 2", 7, "“&” means nothing"), ("a like 'x'", 3, "starts with"), ("id > 5", 4, "double quotes"),
        ("a < 'x'", 5, "no time"),
        ("count(a) > 1.5", 12, "whole number"), ("a near (91, 0, 1)", 9, "±90"), ("slice 4 of 4", 7, "no slice 4 of 4"),
        ("a in (1, 'x')", 10, "a whole number"),
        ("a between 1 or 2", 13, "“and”"), ("any s has (id = 1)", 11, "no ids"), ("a..b = 1", 1, "is no field"),
        ("3d = 1", 1, "double quotes"), ("a = 1\nand b ~ 2", 13, "“~”"),
        ("a = 18446744073709551615", 5, "64 bits"), ("1 < a < '2026-01-01'", 1, "both"),
        ("a within circle", 10, "“box” or “polygon”"), ("x within polygon ((1,1))", 18, "three corners"),
    ]) func mistakesArePointedAt(_ text: String, _ place: Int, _ part: String) {
        let error = #expect(throws: BelfryError.self) { try Filter(parsing: text) }
        let message = error?.description ?? ""
        #expect(
            error?.code == .invalidInput && message.contains("at character \(place).") && message.contains(part),
            "\(message)")
    }

    @Test func theCaretStandsUnderTheMistake() {
        let error = #expect(throws: BelfryError.self) { try Filter(parsing: "a = 1 and\nprice < and b = 2") }
        #expect(error?.message.contains("\n  price < and b = 2\n          ^") == true, "\(error?.message ?? "")")
    }

    @Test func unknownFieldsListTheNearest() throws {
        let fields = ["price", "brand", "country.name", "stock[].left", "\"x y\""]
        for text in [
            "price = 1", "country.name = 'x'", "country exists", "country.name.deep = 1", "any stock has (left > 1)",
            "\"x y\" = 1", "count(stock) > 1",
        ] {
            _ = try Filter(parsing: text, fields: fields)
        }
        let error = #expect(throws: BelfryError.self) {
            try Filter(parsing: "a = 1 or prise < 5", fields: fields + ["a"])
        }
        #expect(
            error?.description.contains("there is no field prise, at character 10") == true
                && error?.description.contains("Did you mean price?") == true)
        let inner = #expect(throws: BelfryError.self) {
            try Filter(parsing: "any stock has (rest > 1)", fields: fields)
        }
        #expect(inner?.description.contains("there is no field stock.rest") == true, "\(inner?.description ?? "")")
    }

    @Test func filtersGoBothWays() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<3_000 {
            let filter = filters.filter(depth: 3)
            let text = filter.description
            let again: Filter
            do {
                again = try Filter(parsing: text)
            } catch {
                Issue.record("\(text): \(error), \(filters.random)")
                return
            }
            for _ in 0..<4 {
                let point = filters.point(round % 60)
                #expect(again.matches(point) == filter.matches(point), "\(text), \(point), \(filters.random)")
            }
            // What was read is written so that it is read as the same.
            #expect(try Filter(parsing: again.description) == again, "\(text), \(filters.random)")
        }
    }

    /// What the documentation says can be written can be read.
    @Test func documentedFormsAreRead() throws {
        let page = try String(contentsOfFile: TestData.root + "/docs/filters.md", encoding: .utf8)
        var read = 0
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let forms = line.split(separator: "|")[0].split(separator: "`").enumerated().filter { $0.offset % 2 == 1 }
            for form in forms.map(\.element)
            where !form.contains("…") && !form.hasSuffix(" b") && !form.contains("(a, b, c)") && form != "not a" {
                #expect(throws: Never.self) { try Filter(parsing: String(form), id: { _ in .number(1) }) }
                read += 1
            }
        }
        #expect(read >= 25)
    }

    @Test func hostileDepthIsAnError() throws {
        for text in [
            String(repeating: "(", count: 100_000), String(repeating: "any a has (", count: 100_000),
            String(repeating: "at least 1 of (", count: 100_000),
            String(repeating: "not (", count: 100) + "a = 1" + String(repeating: " and b = 1)", count: 100),
        ] { #expect(throws: BelfryError.self) { try Filter(parsing: text) } }
        #expect(try Filter(parsing: String(repeating: "not ", count: 100_001) + "a = 1").description == "a != 1")
    }

    @Test func damagedTextsAreErrorsAndNeverCrash() throws {
        var filters = RandomFilters(SeededGenerator())
        let pieces = [
            "(", ")", "'", "\"", "and", "or", "not", " in ", "between", "count(", "any ", "has (", "at least", ",", "1",
            "-", "<", "=", "[", "]", ".", "\\", "é", "\u{301}", "\0", "\n", "id",
        ]
        var read = 0
        for _ in 0..<Fuzz.executions(5_000) {
            var scalars = Array(filters.filter(depth: 2).description.unicodeScalars)
            for _ in 0..<Int.random(in: 1...3, using: &filters.random) where !scalars.isEmpty {
                let place = Int.random(in: 0..<scalars.count, using: &filters.random)
                switch Int.random(in: 0..<4, using: &filters.random) {
                case 0:
                    scalars.removeSubrange(
                        place..<min(scalars.count, place + Int.random(in: 1...6, using: &filters.random)))
                case 1: scalars.insert(contentsOf: filters.pick(pieces).unicodeScalars, at: place)
                case 2: scalars.swapAt(place, Int.random(in: 0..<scalars.count, using: &filters.random))
                default: scalars = Array(scalars[..<place])
                }
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            let text = String(view)
            do {
                let filter = try Filter(parsing: text)
                read += 1
                #expect(
                    try Filter(parsing: filter.description) == filter, "\(text.debugDescription), \(filters.random)")
            } catch {
                #expect(
                    error.code == .invalidInput && error.message.contains("at character"), "\(text.debugDescription)")
            }
        }
        #expect(read > 0)
    }
}
