// swift-tools-version: 6.1
import PackageDescription

/// A package of its own, so that the library carries no dependency that only measuring needs.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "belfry", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    ],
    targets: [
        .executableTarget(
            name: "ShardBenchmark",
            dependencies: [
                .product(name: "Shards", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        // What it measures is not for users of the library: built with `-Xswiftc -enable-testing`.
        .executableTarget(
            name: "CodesBenchmark",
            dependencies: [
                "CReadSum",
                .product(name: "Shards", package: "belfry"),
                .product(name: "Neighbors", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .target(name: "CReadSum"),
        .executableTarget(
            name: "PagingBenchmark",
            dependencies: [
                .product(name: "Shards", package: "belfry"),
                .product(name: "Neighbors", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "TokenizerBenchmark", dependencies: [.product(name: "Towers", package: "belfry")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "FilterBenchmark",
            dependencies: [
                .product(name: "Shards", package: "belfry"),
                .product(name: "Neighbors", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "GraphBenchmark",
            dependencies: [
                .product(name: "Towers", package: "belfry"), .product(name: "Shards", package: "belfry"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "WordBenchmark",
            dependencies: [
                .product(name: "Belfry", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "LiveBenchmark",
            dependencies: [
                .product(name: "Belfry", package: "belfry"),
                .product(name: "Shards", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "CollectionFilterBenchmark",
            dependencies: [
                .product(name: "Belfry", package: "belfry"),
                .product(name: "Neighbors", package: "belfry"),
                .product(name: "Shards", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "ServerBenchmark",
            dependencies: [
                .product(name: "Belfry", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "SeenBenchmark",
            dependencies: [
                .product(name: "Belfry", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        // What it measures is not for users of the library: built with `-Xswiftc -enable-testing`.
        .executableTarget(
            name: "SparseBenchmark",
            dependencies: [
                .product(name: "Shards", package: "belfry"),
                .product(name: "Neighbors", package: "belfry"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "TowerBenchmark",
            dependencies: [
                .product(name: "Towers", package: "belfry"), .product(name: "Shards", package: "belfry"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
