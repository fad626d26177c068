/// An HTML page that needs nothing from elsewhere. It is well-formed XML, too, if its body is.
package struct Page {
    private let title: String
    private let style: String
    /// What the page may load and run (`Content-Security-Policy`); nil leaves that to the browser.
    private let policy: String?
    private let body: String

    /// A page.
    package init(title: String, style: String, policy: String? = nil, body: String) {
        (self.title, self.style, self.policy, self.body) = (title, style, policy, body)
    }

    /// The file's text.
    package var html: String {
        let policy = policy.map { "<meta http-equiv=\"Content-Security-Policy\" content=\"\($0)\" />\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8" />
            \(policy)<meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>\(Markup.escaped(title))</title>
            <style>
            \(style)
            </style>
            </head>
            <body>
            \(body)
            </body>
            </html>

            """
    }
}
