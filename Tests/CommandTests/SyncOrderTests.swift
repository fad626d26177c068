import Foundation
import TestSupport
import Testing

/// Acknowledged is on disk: a library that stands before libc sees a sync of the log before every acknowledgement.
@Suite struct SyncOrderTests {
    /// Notes, in order, each `fdatasync` by its file, and each write to standard output.
    private static let shim = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        static void note(const char *text) {
            int file = open(getenv("BELFRY_EVENTS"), O_WRONLY | O_APPEND | O_CREAT, 0644);
            syscall(SYS_write, file, text, strlen(text));
            close(file);
        }

        int fdatasync(int descriptor) {
            char link[64], path[4096] = {0}, line[4200];
            snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
            if (readlink(link, path, sizeof path - 1) < 0) path[0] = 0;
            int result = (int)syscall(SYS_fdatasync, descriptor);
            snprintf(line, sizeof line, "sync %s\\n", path);
            note(line);
            return result;
        }

        ssize_t write(int descriptor, const void *bytes, size_t count) {
            if (descriptor == 1) note("answer\\n");
            return syscall(SYS_write, descriptor, bytes, count);
        }
        """

    @Test func aSyncOfTheLogStandsBeforeEveryAcknowledgement() throws {
        try withTemporaryDirectory { folder in
            let (source, library, events) = (folder + "/shim.c", folder + "/shim.so", folder + "/events")
            try Self.shim.write(toFile: source, atomically: true, encoding: .utf8)
            let compiler = Process()
            compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            compiler.arguments = ["clang", "-shared", "-fPIC", "-o", library, source]
            try compiler.run()
            compiler.waitUntilExit()
            #expect(compiler.terminationStatus == 0)

            let path = folder + "/live.belfry"
            #expect(try BelfryProcess.run(["create", path, "--dimension", "2"]).exitCode == 0)
            let lines = (1...200).map { "{\"upsert\": [{\"id\": \($0), \"vector\": [\($0), 1]}]}\n" }
            let written = try BelfryProcess.run(
                ["write", path],
                environment: ["LD_PRELOAD": library, "BELFRY_EVENTS": events, "BELFRY_TABLE_ROWS": "50"],
                input: lines.joined())
            #expect(written.exitCode == 0 && written.output.split(separator: "\n").count == 200, "\(written.errors)")
            var (isSynced, answers) = (false, 0)
            for event in try String(contentsOfFile: events, encoding: .utf8).split(separator: "\n") {
                if event == "answer" {
                    #expect(isSynced, "answer \(answers + 1)")
                    (isSynced, answers) = (false, answers + 1)
                } else if event.contains("/live.belfry/log/") {
                    isSynced = true
                }
            }
            #expect(answers == 200)
        }
    }
}
