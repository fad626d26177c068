extension SegmentFiles {
    /// The names of all files that a segment may have, whatever its index: nothing else in its folder is Belfry's.
    public static let names: Set<String> = {
        let files = SegmentFiles("")
        return Set(
            [files.vectors, files.ids, files.codes, files.graph, files.lists, files.calibration].map {
                String($0.dropFirst())
            })
    }()
}
