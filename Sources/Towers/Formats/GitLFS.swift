import Files

/// Git stores large files as short texts that name them; a clone without `git lfs` has only these.
enum GitLFS {
    static func refusePointer(_ bytes: UnsafeRawBufferPointer, file: String) throws(BelfryError) {
        guard bytes.starts(with: "version https://git-lfs".utf8) else { return }
        throw BelfryError(
            .notFound, "The file is a Git LFS pointer: the content that it names was not downloaded.",
            at: .init(file: file), remedy: "Run `git lfs install` and `git lfs pull` in the model's folder.")
    }
}
