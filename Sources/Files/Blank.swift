extension StringProtocol {
    /// Whether nothing of the text can be seen: white space, and characters without a shape of their own, such as U+200B.
    public var isBlank: Bool {
        unicodeScalars.allSatisfy {
            $0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint
                || $0.properties.generalCategory == .control
        }
    }
}
