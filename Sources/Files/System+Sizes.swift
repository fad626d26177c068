import Foundation

extension System {
    /// Bytes of all files in a folder and the folders in it.
    public static func fileBytes(under folder: String) throws(BelfryError) -> Int {
        var sum = 0
        for name in try list(folder) {
            let path = "\(folder)/\(name)"
            sum += try isDirectory(path) ? fileBytes(under: path) : fileSize(path)
        }
        return sum
    }
}
