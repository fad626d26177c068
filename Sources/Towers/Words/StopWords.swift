/// Words that say nothing about what a text is about: articles, pronouns, the common prepositions and forms of “to be”.
///
/// An index has them all the same, for who asks for “The Who”; a query with other words leaves them out.
enum StopWords {
    /// Those of a language; none where no list is kept.
    static func of(_ language: String) -> Set<String> {
        Set((lists[language] ?? "").split(separator: " ").map(String.init))
    }

    private static let lists = [
        "english": """
        a an and are as at be been but by for from had has have he her his i if in into is it its me my no not of on or \
        our she so such than that the their them then there these they this those to us was we were what when where which \
        who will with would you your
        """,
        "german": """
        aber als am an auch auf aus bei bin bis das dass dem den der des die diese dieser dieses du durch ein eine einem \
        einen einer eines er es für hat ich ihr im in ist mit nach nicht noch oder sich sie sind so um und uns von vor war \
        was wenn wie wir zu zum zur über
        """,
        "french": """
        à au aux avec ce ces cette dans de des du elle en est et eux il ils je la le les leur lui ma mais me mes mon ne \
        nos notre nous on ou où par pas pour qu que qui sa se ses son sont sur ta tes ton tu un une vos votre vous y
        """,
        "spanish": """
        a al como con cuando de del desde donde e el ella ellos en entre era es esta este esto la las le les lo los más me \
        mi mis no nos o para pero por que se si sin sobre son su sus te tu tus un una uno unos unas y ya
        """,
        "italian": """
        a ad al alla alle anche che chi ci come con da dal dalla dei del della delle di e ed era essere fra gli ha i il in \
        io la le lei lo lui ma mi ne nel nella noi non o per più quale se si sono su sua sue sul suo tra tu un una uno
        """,
        "portuguese": """
        a ao aos as até com como da das de do dos e ela ele eles em entre era essa esse esta este eu foi isso já lhe mais \
        mas me meu minha na não nas nem no nos nós o os ou para pela pelo por quando que quem se sem ser seu sua são só \
        também te tu um uma você
        """,
        "dutch": """
        aan als bij dan dat de der deze die dit door een en er het hij hoe ik in is je kan met mijn naar niet nog of om \
        onder ook op over te tot u uit van veel voor was wat we wel wij ze zich zij zijn zo
        """,
    ]
}
