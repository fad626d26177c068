import Shards
import Testing

@testable import Belfry

@Suite struct PointNameTests {
    @Test func numbersAndUUIDsStandAsTheyAre() {
        #expect(PointName("42").id == .number(42))
        #expect(PointName(" 18446744073709551615 ").id == .number(.max))
        #expect(PointName("42").key == nil)
        #expect(
            PointName("6BA7B811-9DAD-11D1-80B4-00C04FD430C8").id.description == "6ba7b811-9dad-11d1-80b4-00c04fd430c8")
    }

    @Test(arguments: [
        "111-33248", "007", "18446744073709551616", "-1", "1.50", "01.0", "1.0e2", "1.", "ä", "6ba7b811-9dad-11d1-80b4",
    ])
    func otherTextsBecomeKeys(_ text: String) {
        let name = PointName(text)
        #expect(name.key == text)
        #expect(name == PointName("\t\(text)\n"))
        #expect(name.id != PointName(text + "x").id)
    }

    /// A program that took the column for one of fractions writes so; it is shown as it was written.
    @Test func wholeNumbersWithAFractionOfZeros() {
        #expect(PointName("5.0").id == .number(5) && PointName("5.0").key == "5.0")
        #expect(PointName("18446744073709551615.000").id == .number(.max) && PointName("0.0").id == .number(0))
    }

    /// `uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, "https://belfry.invalid/point"), "111-33248")` in Python.
    @Test func keysGiveTheUUIDThatOthersCanCompute() {
        #expect(PointName("111-33248").id.description == "60aa7e4f-0f24-58e1-83a1-afb6e745561a")
    }
}
