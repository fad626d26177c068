import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// What comes with a request beside itself: the connection.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Closes the connection when its answer has had time to arrive: the rest of a body that nobody wants may come a byte at a
    /// time, and would hold it for as long as it likes.
    func closeSoon() {
        let channel = channel
        channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(mode: .all, promise: nil) }
    }
}

extension Request {
    /// Whether a body comes with it.
    var bringsBody: Bool {
        headers[.transferEncoding] != nil || headers[.contentLength].map { $0 != "0" } ?? false
    }
}
