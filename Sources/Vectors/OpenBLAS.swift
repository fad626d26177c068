import COpenBLAS
import Files
import Foundation

/// The library itself, opened by the first product that needs it: it costs a process milliseconds and address space
/// that most commands do not need it for.
///
/// It is not used where something limits the process's addresses (`ulimit -v`, a strict container): it takes 128 MB for
/// each thread that calls it, and asks again and again, for ever, where it cannot have them.
struct OpenBLAS: Sendable {
    let sgemm: belfry_sgemm
    let ssyevd: belfry_ssyevd
    let coreName: belfry_core_name

    /// The library; nil where it is not installed, or must not be used.
    static let shared: OpenBLAS? = System.addressLimit == nil ? open() : nil

    private static func open() -> OpenBLAS? {
        // We put tiles on threads ourselves, so that a result does not depend on how many there are. Said before it is
        // opened, the library starts no threads of its own.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) ?? dlopen("libopenblas.so", RTLD_NOW)
        else { return nil }
        func function<Function>(_ name: String, as type: Function.Type) -> Function? {
            dlsym(library, name).map { unsafeBitCast($0, to: type) }
        }
        guard let sgemm = function("cblas_sgemm", as: belfry_sgemm.self),
            let ssyevd = function("ssyevd_", as: belfry_ssyevd.self),
            let coreName = function("openblas_get_corename", as: belfry_core_name.self)
        else { return nil }
        // Another part of the process may have opened it before.
        function("openblas_set_num_threads", as: belfry_set_threads.self)?(1)
        return OpenBLAS(sgemm: sgemm, ssyevd: ssyevd, coreName: coreName)
    }
}
