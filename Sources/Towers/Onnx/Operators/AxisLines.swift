/// The lines of a tensor without gaps along some of its dimensions: `extent` elements each, `inner` apart.
struct AxisLines {
    let extent: Int
    let inner: Int

    init(extent: Int, inner: Int) { (self.extent, self.inner) = (extent, inner) }

    /// The lines along one axis.
    init(_ shape: Shape, axis: Int) {
        self.init(extent: shape[axis], inner: shape.elements(in: axis + 1..<shape.rank))
    }

    /// Where a line begins.
    @inline(__always)
    func start(_ line: Int) -> Int { line / inner * extent * inner + line % inner }
}
