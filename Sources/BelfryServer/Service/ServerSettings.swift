/// How a server is to run.
public struct ServerSettings: Sendable {
    /// The folder of the collections.
    public var data: String
    /// Where it listens: an address or a name, as 127.0.0.1.
    public var host = "127.0.0.1"
    /// 0 for one that is free.
    public var port = 6_333
    /// The key that opens all; nil for none.
    public var apiKey: String?
    /// The key that opens what only reads.
    public var readOnlyKey: String?
    /// Names by which the server may be called, beside addresses and `localhost`.
    public var hostNames: Set<String> = []
    /// The files of a certificate chain and its key, as PEM; nil for plain HTTP.
    public var certificate: (chain: String, key: String)?
    /// Bytes of memory that the process may have.
    public var memoryLimit: Int?
    /// How many requests may be carried out or wait at once; more are refused with 503.
    public var mostRequests = 1_024
    /// How many connections may be open at once.
    public var mostConnections = 16_384
    /// Bytes that a request's body may have.
    public var mostBody = 64 << 20
    /// Bytes that an uploaded snapshot may have.
    public var mostUpload = 64 << 30
    /// A search, or another short call, that takes longer than so many seconds is logged with its body; nil for none.
    public var slowSeconds: Double? = 1
    /// The share of one processor's time that answered searches are asked again with, exactly, to know what they find; 0 for none.
    public var auditShare = 0.01
    /// A connection on which nothing comes for so many seconds is closed.
    public var idleSeconds = 60
    /// Folders of cross-encoders, for what is to be reranked.
    public var rerankers: [String] = []
    /// The time by which rates are limited: tests have one of their own.
    var now: @Sendable () -> ContinuousClock.Instant = { .now }

    /// The settings of a server of this folder.
    public init(data: String) { self.data = data }
}
