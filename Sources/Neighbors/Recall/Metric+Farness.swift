import Vectors

extension Metric {
    /// How far a query is from a row at `distance`, on a scale that is the same for all queries: under `ip` a query twice
    /// as long is no nearer to anything, so that its length is divided out.
    func farness(_ distance: Float, of query: UnsafePointer<Float>, dimension: Int) -> Float {
        guard self == .ip else { return distance }
        var square: Float = 0
        for index in 0..<dimension { square += query[index] * query[index] }
        return distance / square.squareRoot()
    }
}
