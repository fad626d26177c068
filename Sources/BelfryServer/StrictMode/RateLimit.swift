import Synchronization

/// How much a collection does per minute: a bucket of as many tokens, which is filled again at that rate. What a request costs is
/// taken out of it, or the request is refused.
final class RateLimit: Sendable {
    enum Kind: String {
        case read = "Read"
        case write = "Write"
    }

    private struct Bucket {
        var tokens: Double
        var filled: ContinuousClock.Instant
    }

    let kind: Kind
    /// Tokens per minute, and how many there can be at once.
    let capacity: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let bucket: Mutex<Bucket>

    /// A full bucket.
    init(_ kind: Kind, capacity: Int, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        (self.kind, self.capacity, self.now) = (kind, capacity, now)
        bucket = Mutex(Bucket(tokens: Double(capacity), filled: now()))
    }

    /// Sums of many small parts are not exact: whoever comes back when they were told to is not sent away once more.
    private static let rounding = 1e-6

    /// Takes tokens, all of them or none.
    /// - Throws: 429 where there are too few, with the seconds after which there are enough.
    func take(_ cost: Int) throws(Refusal) {
        let exceeded = "Rate limiting exceeded: \(kind.rawValue) rate limit exceeded"
        guard cost <= capacity else {
            throw Refusal(
                429, "\(exceeded), request larger than rate limiter capacity, please try to split your request")
        }
        let left = bucket.withLock { bucket -> Double? in
            let now = now()
            let seconds = max(0, (now - bucket.filled) / .seconds(1))
            bucket.tokens = min(Double(capacity), bucket.tokens + seconds * Double(capacity) / 60)
            bucket.filled = max(now, bucket.filled)
            guard bucket.tokens + Self.rounding >= Double(cost) else { return bucket.tokens }
            bucket.tokens = max(0, bucket.tokens - Double(cost))
            return nil
        }
        guard let left else { return }
        let wait = (Double(cost) - left) * 60 / Double(capacity)
        let seconds = max(1, Int((wait - Self.rounding).rounded(.up)))
        let shown = (left * 10).rounded(.down) / 10
        var refusal = Refusal(
            429,
            "\(exceeded): Operation requires \(cost) tokens but only \(shown) were available. Retry after \(seconds)s")
        refusal.retryAfter = seconds
        throw refusal
    }
}
