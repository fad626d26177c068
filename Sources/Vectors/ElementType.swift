/// How one component of a stored vector is written.
public enum ElementType: String, CaseIterable, Codable, Sendable {
    /// IEEE 754 binary32.
    case f32
    /// IEEE 754 binary16.
    case f16
    /// bfloat16: the upper half of a binary32.
    case bf16

    /// Bytes per component.
    @inlinable
    public var size: Int { self == .f32 ? 4 : 2 }
}
