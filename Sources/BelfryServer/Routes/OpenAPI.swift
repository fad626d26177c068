import Files
import HTTPTypes

/// The table of routes as an OpenAPI document.
enum OpenAPI {
    static let document: JSON = {
        var paths: [String: JSON.Members] = [:]
        for route in RouteTable.offered {
            paths[route.template, default: [:]][route.method.rawValue.lowercased()] = operation(route)
        }
        return [
            "openapi": "3.0.3",
            "info": [
                "title": "Belfry", "version": .string(ServiceCalls.version),
                "description": "The core of Qdrant's REST interface, and embeddings as OpenAI's clients ask for them.",
            ],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": ["schemas": ["Error": error]],
        ]
    }()

    private static let error: JSON = [
        "type": "object",
        "properties": [
            "status": ["type": "object", "properties": ["error": ["type": "string"]]], "time": ["type": "number"],
        ],
    ]

    private static func operation(_ route: Route) -> JSON {
        var members: JSON.Members = [
            "operationId": .string("\(route.method.rawValue.lowercased()) \(route.template)"),
            "responses": [
                "200": ["description": "It is done.", "content": ["application/json": ["schema": [:]]]],
                "4XX": [
                    "description": "It is not, and why.",
                    "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
                ],
            ],
        ]
        let names = route.template.split(separator: "/").filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }
        if !names.isEmpty {
            members["parameters"] = .array(
                names.map { name in
                    ["name": .string(String(name)), "in": "path", "required": true, "schema": ["type": "string"]]
                })
        }
        if ["POST", "PUT", "PATCH"].contains(route.method.rawValue), !route.isStreamed {
            members["requestBody"] = ["content": ["application/json": ["schema": ["type": "object"]]]]
        }
        return .object(members)
    }
}
