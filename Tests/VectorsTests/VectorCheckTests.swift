import Files
import Testing
import Vectors

@Suite struct VectorCheckTests {
    static func message(_ vector: [Float], _ metric: Metric, _ type: ElementType = .f32) -> String? {
        let check = VectorCheck(dimension: 3, metric: metric, elementType: type)
        do {
            try vector.withUnsafeBufferPointer { pointer throws(BelfryError) in try check.check(pointer, "Row 7") }
            return nil
        } catch {
            #expect(error.code == .invalidInput)
            return "\(error)"
        }
    }

    @Test(arguments: Metric.allCases)
    func namesWhatIsWrong(metric: Metric) {
        #expect(Self.message([1, 2, 3], metric) == nil)
        #expect(Self.message([1, 2], metric)?.contains("Row 7 has 2 components") == true)
        #expect(Self.message([], metric)?.contains("0 components") == true)
        #expect(Self.message([1, .nan, 3], metric)?.contains("nan at component 1") == true)
        #expect(Self.message([1, 2, -.infinity], metric)?.contains("-inf at component 2") == true)
        #expect(Self.message([1e30, 2, 3], metric)?.contains("beyond f32") == true)
        #expect((Self.message([0, 0, -0.0], metric) != nil) == (metric == .cosine))
        for tiny: Float in [1e-24, 1e-30, .leastNonzeroMagnitude] {
            #expect(Self.message([tiny, 0, 0], metric)?.contains("so short") == true)
        }
        #expect(Self.message([1e19, 0, 0], metric)?.contains("its length is 1e+19") == true)
        #expect(Self.message([4e18, 0, 0], metric) == nil && Self.message([0, 1e-15, 0], metric) == nil)
    }

    @Test func halfPrecisionHasAnEnd() {
        #expect(Self.message([65_519, 0, 0], .l2, .f16) == nil)
        #expect(Self.message([0, -65_520, 0], .l2, .f16)?.contains("beyond f16") == true)
        #expect(Self.message([0, -.infinity, 0], .l2, .f16)?.contains("-inf at component 1") == true)
        #expect(Self.message([0, 65_520, 0], .l2, .bf16) == nil)
    }

    /// What f16 makes of a vector is looked at, and not the vector alone.
    @Test(arguments: Metric.allCases)
    func halfPrecisionHasABeginning(metric: Metric) {
        #expect(Self.message([1e-9, -2e-9, 0], metric, .f16)?.contains("zeros") == true)
        #expect(Self.message([1e-7, -2e-7, 9e-8], metric, .f16)?.contains("something else") == true)
        #expect(Self.message([1e-4, -2e-4, 1e-9], metric, .f16) == nil)
        #expect(Self.message([1e-9, -2e-9, 0], metric, .bf16) == nil)
    }
}
