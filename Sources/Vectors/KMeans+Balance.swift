package import Files

extension KMeans {
    /// Evens out the sizes of lists that rows were assigned to, and moves every centroid to the mean of its rows.
    ///
    /// The rows of a list below an eighth of the mean size go to the nearest of the other lists. A list above four
    /// times the mean is clustered again by itself; rows that are all the same stay together.
    package mutating func balance(
        _ rows: any VectorSource, _ assignment: inout Assignment, seed: UInt64, threads: Int
    ) throws(BelfryError) {
        let mean = Double(rows.rowCount) / Double(centroids.rows)
        try dissolve(rows, &assignment, below: mean / 8, threads: threads)
        try split(rows, &assignment, above: 4 * mean, mean: mean, seed: seed, threads: threads)
        try move(reading: rows, assignment.labels)
        drop(empty: assignment.sizes(centroids.rows), &assignment)
    }

    private mutating func dissolve(
        _ rows: any VectorSource, _ assignment: inout Assignment, below: Double, threads: Int
    ) throws(BelfryError) {
        let sizes = assignment.sizes(centroids.rows)
        let small = sizes.map { Double($0) < below }
        guard small.contains(true), small.contains(false) else { return }
        let homeless = assignment.labels.indices.filter { small[Int(assignment.labels[$0])] }
        let survivors = small.indices.filter { !small[$0] }
        centroids = Self.gather(centroids, survivors)
        var names = [UInt32](repeating: 0, count: small.count)
        for (name, list) in survivors.enumerated() { names[list] = UInt32(name) }
        for row in assignment.labels.indices { assignment.labels[row] = names[Int(assignment.labels[row])] }
        let found = try assign(reading: SelectedRows(rows, homeless.map { UInt32($0) }), threads: threads)
        for (index, row) in homeless.enumerated() { assignment.labels[row] = found.labels[index] }
    }

    private mutating func split(
        _ rows: any VectorSource, _ assignment: inout Assignment, above: Double, mean: Double, seed: UInt64,
        threads: Int
    ) throws(BelfryError) {
        let members = Members(assignment.labels, count: centroids.rows)
        var more: [Matrix] = []
        var count = centroids.rows
        for list in 0..<centroids.rows where Double(members.rows(of: list).count) > above {
            let numbers = Array(members.rows(of: list))
            let own = SelectedRows(rows, numbers)
            let parts = Int((Double(numbers.count) / mean).rounded(.up))
            let means = try Self.train(own, count: parts, seed: seed &+ UInt64(list), threads: threads)
            let found = try means.assign(reading: own, threads: threads)
            // The first part stays where the whole was.
            for (index, row) in numbers.enumerated() where found.labels[index] > 0 {
                assignment.labels[Int(row)] = UInt32(count) + found.labels[index] - 1
            }
            more.append(Self.gather(means.centroids, Array(1..<means.centroids.rows)))
            count += means.centroids.rows - 1
        }
        let all = Matrix(rows: count, columns: centroids.columns)
        var at = 0
        for part in [centroids] + more {
            (all.pointer + at * all.columns).update(from: part.pointer, count: part.rows * part.columns)
            at += part.rows
        }
        centroids = all
    }

    /// Takes out the centroids without rows: of rows that are all the same, the nearest centroid takes all.
    private mutating func drop(empty sizes: [Int], _ assignment: inout Assignment) {
        let kept = sizes.indices.filter { sizes[$0] > 0 }
        guard kept.count < sizes.count else { return }
        centroids = Self.gather(centroids, kept)
        var names = [UInt32](repeating: 0, count: sizes.count)
        for (name, list) in kept.enumerated() { names[list] = UInt32(name) }
        for row in assignment.labels.indices { assignment.labels[row] = names[Int(assignment.labels[row])] }
    }
}
