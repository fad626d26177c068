/// A term of a query that some row has: its list, and what of it is in the window that is being searched.
struct QueryTerm {
    /// The query's weight.
    let factor: Float
    private let list: PostingsList
    /// The first run that no window has taken yet.
    private var run = 0

    /// Of the window: its weights and rows, how many there are, and by how much one can change a score at the most.
    private(set) var weights: UnsafePointer<Float>
    private(set) var places: UnsafePointer<UInt16>
    private(set) var count = 0
    private(set) var reach: Float = 0

    init(_ list: PostingsList, factor: Float) {
        self.list = list
        self.factor = factor
        (weights, places) = (list.weights, list.places)
    }

    /// How many rows have the term.
    var listCount: Int { list.count }

    /// By how much the term can change any score at the most.
    var listReach: Float {
        var bound: Float = 0
        for run in 0..<list.runCount { bound = max(bound, list.runs[run].bound) }
        return factor.magnitude * bound
    }

    /// Goes on to a window, which must be behind the one before.
    @inline(__always)
    mutating func enter(_ window: Int) {
        guard run < list.runCount, Int(list.runs[run].window) == window else {
            (count, reach) = (0, 0)
            return
        }
        let first = Int(list.runs[run].first)
        (weights, places) = (list.weights + first, list.places + first)
        count = list.end(ofRun: run) - first
        reach = factor.magnitude * list.runs[run].bound
        run += 1
    }

    /// Adds the products of all rows of the window to their scores.
    @inline(__always)
    func add(to scores: UnsafeMutablePointer<Float>) {
        let (weights, places, factor) = (weights, places, factor)
        for posting in 0..<count { scores[Int(places[posting])] += factor * weights[posting] }
    }

    /// The same, and marks the rows.
    @inline(__always)
    func add(to scores: UnsafeMutablePointer<Float>, marking marks: UnsafeMutablePointer<UInt64>) {
        let (weights, places, factor) = (weights, places, factor)
        for posting in 0..<count {
            let place = Int(places[posting])
            scores[place] += factor * weights[posting]
            marks[place >> 6] |= 1 << UInt64(place & 63)
        }
    }

    /// The posting of a row of the window; nil where the row does not have the term.
    @inline(__always)
    func posting(of place: UInt16) -> Int? {
        var (first, left) = (0, count)
        guard left > 0 else { return nil }
        // A binary search that goes on to the end. Its steps are a shift and a mask, as a branch would be mispredicted
        // every other time.
        while left > 1 {
            let half = left >> 1
            let isBelow = (Int(places[first &+ half &- 1]) &- Int(place)) >> (Int.bitWidth - 1)
            first &+= half & isBelow
            left &-= half
        }
        return places[first] == place ? first : nil
    }

    /// The product of a row of the window; 0 where the row does not have the term.
    @inline(__always)
    func product(of place: UInt16) -> Float { posting(of: place).map { factor * weights[$0] } ?? 0 }
}
