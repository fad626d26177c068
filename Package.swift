// swift-tools-version: 6.1
import PackageDescription

/// The house, from the ground up: a target imports only what stands above it here.
/// `Tests/ArchitectureTests` holds the arrows.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "belfry",
    products: [
        .library(name: "Belfry", targets: ["Belfry"]),
        .library(name: "Recipes", targets: ["Recipes"]),
        .library(name: "Towers", targets: ["Towers"]),
        .library(name: "Shards", targets: ["Files", "Vectors", "Shards"]),
        .library(name: "Neighbors", targets: ["Neighbors"]),
        .executable(name: "belfry", targets: ["BelfryCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // Types only: OpenBLAS is opened when it is needed.
        .systemLibrary(name: "COpenBLAS"),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CStemmer", providers: [.apt(["libstemmer-dev"])]),
        .systemLibrary(name: "CGlibc"),
        .target(name: "CKernels", exclude: ["README.md"]),
        .target(
            name: "Files",
            dependencies: ["CGlibc", "CKernels", "CZlib", .product(name: "Crypto", package: "swift-crypto")],
            exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(
            name: "Vectors", dependencies: ["CKernels", "COpenBLAS", "Files"], exclude: ["README.md"],
            swiftSettings: swiftSettings),
        .target(
            name: "Shards", dependencies: ["Vectors", "CLZ4"], exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(name: "Neighbors", dependencies: ["Shards"], exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(
            name: "Towers",
            dependencies: ["CStemmer", "Vectors", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Onnx/onnx.proto", "README.md"], swiftSettings: swiftSettings),
        .target(
            name: "Belfry",
            dependencies: [
                "Neighbors", "Towers", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ],
            exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(
            name: "Recipes", dependencies: ["Belfry", .product(name: "Yams", package: "Yams")],
            exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(name: "Charts", dependencies: ["Files"], exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(
            name: "Evaluation", dependencies: ["Recipes", "Charts"], exclude: ["README.md"],
            swiftSettings: swiftSettings),
        .target(
            name: "Bench", dependencies: ["Neighbors", "Charts"], exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(
            name: "BelfryServer",
            dependencies: [
                "Belfry", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            exclude: ["README.md"], swiftSettings: swiftSettings),
        .executableTarget(
            name: "BelfryCommand",
            // All that it imports: what comes through another target is not built again where only that has changed.
            dependencies: [
                "Belfry", "BelfryServer", "Bench", "Evaluation", "Files", "Neighbors", "Recipes", "Shards", "Towers",
                "Vectors",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["README.md"], swiftSettings: swiftSettings),
        .target(name: "TestSupport", dependencies: ["CZlib"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        // libc's calls once more, so that tests can watch them and let them fail.
        .target(name: "CFaultyDisk", path: "Tests/CFaultyDisk", linkerSettings: [.linkedLibrary("dl")]),
        .testTarget(name: "ArchitectureTests", dependencies: ["TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "FilesTests", dependencies: ["CKernels", "Files", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "TowersTests", dependencies: ["CKernels", "Files", "TestSupport", "Towers", "Vectors"],
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "VectorsTests", dependencies: ["CKernels", "Files", "TestSupport", "Vectors"], exclude: ["Fixtures"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ShardsTests", dependencies: ["CKernels", "Shards", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "NeighborsTests", dependencies: ["Files", "Neighbors", "Shards", "TestSupport", "Vectors"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "BelfryTests",
            dependencies: ["Belfry", "TestSupport", "Vectors", .product(name: "GRDB", package: "GRDB.swift")],
            exclude: ["Filter/Oracle", "Fixtures", "Ranking/Oracle"], swiftSettings: swiftSettings),
        .testTarget(
            name: "RecipesTests", dependencies: ["Recipes", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "EvaluationTests", dependencies: ["Evaluation", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: swiftSettings),
        .testTarget(name: "BenchTests", dependencies: ["Bench", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Belfry", "BelfryServer", "Files", "TestSupport", "Towers", "Vectors",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: swiftSettings),
        .testTarget(
            name: "CommandTests", dependencies: ["BelfryCommand", "CFaultyDisk", "TestSupport"],
            swiftSettings: swiftSettings),
    ]
)
