import Vectors

extension Neighbor {
    /// The `wanted` nearest of some rows whose distances are known, nearest first. NaN is never near.
    static func nearest(
        _ rows: UnsafePointer<UInt32>, _ distances: UnsafePointer<Float>, _ count: Int, _ wanted: Int
    ) -> [Neighbor] {
        guard wanted <= 256 else {
            let all = (0..<count).filter { !distances[$0].isNaN }
                .map { Neighbor(row: rows[$0], distance: distances[$0]) }
            return Array(all.sorted().prefix(wanted))
        }
        return [Neighbor](unsafeUninitializedCapacity: max(wanted, 1)) { best, found in
            // An insertion sort: nearly all candidates fail at the first comparison.
            for index in 0..<count where !distances[index].isNaN {
                let new = Neighbor(row: rows[index], distance: distances[index])
                if found == wanted {
                    guard found > 0, new < best[found - 1] else { continue }
                    found -= 1
                }
                var hole = found
                while hole > 0, new < best[hole - 1] {
                    best[hole] = best[hole - 1]
                    hole -= 1
                }
                best[hole] = new
                found += 1
            }
        }
    }
}
