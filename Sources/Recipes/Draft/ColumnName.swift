import Foundation

/// What a column's name says about what is in it: its words, and which of them are known.
struct ColumnName: Sendable {
    /// `parentASIN`, `parent_asin` and `Parent ASIN` are parent and asin; in small letters, without accents.
    let words: [String]

    init(_ name: String) {
        var (words, word): ([String], String) = ([], "")
        var last: Character?
        for character in name {
            let isLetter = character.isLetter || character.isNumber
            // A capital behind a small letter begins a word, and so does the first digit.
            let isBreak =
                last.map { ($0.isLowercase && character.isUppercase) || ($0.isLetter != character.isLetter) } ?? false
            if !isLetter || isBreak {
                if !word.isEmpty { words.append(word) }
                word = ""
            }
            if isLetter { word.append(character) }
            last = character
        }
        if !word.isEmpty { words.append(word) }
        self.words = words.map { $0.folding(options: [.diacriticInsensitive, .caseInsensitive], locale: nil) }
    }

    /// Whether one of the words is one of `others`.
    func has(_ others: Set<String>) -> Bool { words.contains { others.contains($0) } }

    /// How much it is the name of an id, from 0: `id` most of all, `asin`, `product_id` more than `goodreads_book_id`.
    var asID: Int {
        guard let last = words.last(where: { Int($0) == nil }) else { return 0 }
        if words.count == 1, ["id", "sku", "asin", "uid", "uuid", "guid", "key"].contains(last) { return 60 }
        guard Self.ids.contains(last) || Self.codes.contains(last) else { return 0 }
        let things = has(Self.things) ? 10 : 0
        let others = has(Self.attributes) || has(Self.people) ? 25 : 0
        return max(1, (Self.ids.contains(last) ? 40 : 20) + things - others - 4 * words.count)
    }

    /// How much it is the name of a title, from 0.
    var asTitle: Int {
        guard let last = words.last(where: { Int($0) == nil }), Self.titles.contains(last) || has(Self.soleTitles),
            !has(Self.attributes), !has(Self.people), !has(Self.ids), !has(Self.pictures), !has(["url", "link"])
        else { return 0 }
        return words.count == 1 ? 40 : has(Self.things) ? 35 : has(["original", "short", "sub"]) ? 10 : 20
    }

    /// How much it is the name of a longer text about the thing, from 0.
    var asDescription: Int {
        guard has(Self.descriptions), !has(["variation", "option", "variant"]), !has(Self.ids), !has(Self.counts),
            !has(Self.pictures)
        else { return 0 }
        return words.count == 1 ? 40 : 30
    }

    /// What a text column says beside title and description; a section counts where there is no kind.
    enum Attribute: Int, CaseIterable { case brand, creator, kind, section, color }

    /// Which of those it is.
    var attribute: Attribute? {
        guard !has(Self.ids), !has(Self.codes), !has(Self.counts), !has(Self.pictures), !has(["url", "link", "image"])
        else { return nil }
        if has(["brand", "manufacturer", "vendor", "maker", "label", "marke", "hersteller", "marca", "marque", "hieu"])
        {
            return .brand
        }
        if has(["author", "authors", "artist", "artists", "director", "directors", "creator"]) {
            return .creator
        }
        if has(["color", "colour", "colors", "colours", "farbe", "couleur"]) { return .color }
        if has([
            "category", "categories", "type", "genre", "genres", "subgenre", "kind", "subcategory", "kategorie",
            "categorie",
            "categoria",
        ]) {
            return .kind
        }
        if has(["class", "department", "collection", "section", "material"]) { return .section }
        return nil
    }

    /// Whether equal values mean one product in several forms: `parent_asin`, `product_code`.
    var isFamily: Bool {
        guard let last = words.last, !has(Self.people), !has(Self.attributes) else { return false }
        if has(["parent", "family", "master"]) && (has(Self.ids) || has(Self.codes) || words.count == 1) {
            return true
        }
        if has(["work", "style", "model"]) && (has(Self.ids) || has(Self.codes)) { return true }
        return ["code", "group"].contains(last) && has(["product", "item", "variant"])
    }

    var isPicture: Bool { has(Self.pictures) }
    var isPrice: Bool { has(["price", "preis", "prix", "precio", "prezzo", "cost", "amount", "gia"]) }
    var isRating: Bool { has(["rating", "stars", "score", "popularity", "vote", "votes"]) }
    var isTags: Bool { has(Self.tags) }
    /// Whether it is an identity, of this thing or another, or a number that is one.
    var isCode: Bool { has(Self.ids) || has(Self.codes) }

    private static let ids: Set = [
        "id", "ids", "uid", "uuid", "guid", "asin", "sku", "isbn", "ean", "gtin", "upc", "key",
    ]
    private static let codes: Set = [
        "code", "no", "nr", "number", "num", "ref", "reference", "identifier", "handle", "slug", "mpn", "barcode",
        "hash",
        "artikelnummer", "nummer", "codigo",
    ]
    private static let things: Set = [
        "product", "prod", "item", "article", "track", "song", "movie", "film", "book", "listing", "game", "recipe",
        "show", "video", "post", "document", "doc", "page", "artikel", "produkt", "produit", "producto", "prodotto",
        "beer", "wine", "app", "course", "job", "event", "property", "hotel", "restaurant",
    ]
    private static let titles: Set = ["title", "name", "headline", "heading"]
    private static let soleTitles: Set = [
        "title", "titel", "titre", "titulo", "titolo", "bezeichnung", "produktname", "artikelname", "nombre", "nom",
        "nome", "naam", "productname", "itemname", "tieu",
    ]
    private static let descriptions: Set = [
        "description", "desc", "overview", "summary", "plot", "abstract", "synopsis", "body", "text", "content",
        "details", "about", "story", "tagline", "subtitle", "features", "beschreibung", "descripcion", "descrizione",
        "descricao", "mo", "excerpt", "bullets", "specification", "specifications",
    ]
    private static let attributes: Set = [
        "brand", "manufacturer", "vendor", "seller", "supplier", "category", "type", "genre", "subgenre", "color",
        "colour", "group", "department", "section", "index", "class", "material", "language", "country", "city",
        "state",
        "status", "variation", "variant", "option", "size", "playlist", "album", "collection", "store", "shop", "file",
        "host", "appearance", "garment", "best", "perceived", "subcategory", "region", "unit", "currency",
    ]
    private static let people: Set = [
        "user", "customer", "author", "artist", "director", "reviewer", "actor", "buyer", "member", "person", "owner",
        "first", "last", "nick", "display",
    ]
    private static let counts: Set = ["count", "counts", "total", "num", "number", "rank", "length", "avg", "average"]
    private static let pictures: Set = [
        "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "thumbnail", "thumb", "poster",
        "bild",
        "imagen", "cover",
    ]
    private static let tags: Set = [
        "tags", "tag", "genre", "genres", "categories", "keywords", "actors", "cast", "authors", "artists", "directors",
        "director", "writer", "writers", "languages", "language", "countries", "country", "colors", "colours", "sizes",
        "materials", "labels", "topics", "features", "skills", "ingredients",
    ]
}
