//! A round and real situations, led by the members.

use krog_measures::Facilitation;

use super::{confidentiality, parts, phases};
use crate::builder::TemplateBuilder;
use crate::licence::Licence;
use crate::part::{Lock, PartKind};

pub(super) fn builder() -> TemplateBuilder {
    let builder = TemplateBuilder::new("round-and-situations", Facilitation::Peer, Licence::Cc0);
    let builder = parts(
        builder,
        PartKind::Title,
        Lock::Free,
        &[(
            "title",
            "Round and real situations: a group we lead ourselves",
            "Krog in resnične situacije: skupina, ki jo vodimo sami",
        )],
    );
    let builder = parts(builder, PartKind::Purpose, Lock::AddOnly, PURPOSE);
    let builder = parts(confidentiality(builder), PartKind::Rule, Lock::Free, RULES);
    let builder = parts(builder, PartKind::Role, Lock::Free, ROLES);
    let builder = parts(builder, PartKind::Expectation, Lock::Free, EXPECTATIONS);
    let builder = phases(builder, PHASES);
    let builder = parts(builder, PartKind::Topic, Lock::Free, TOPICS);
    parts(builder, PartKind::Resource, Lock::Free, RESOURCES)
}

const PURPOSE: &[(&str, &str, &str)] = &[(
    "purpose",
    "We meet as equals who know mental-health difficulties from the inside. Each meeting has a round in which everyone is \
     heard, and one or two real situations from our lives that we think through together. The roles go round, and what \
     concerns the group the group decides.",
    "Srečujemo se kot enaki, ki težave v duševnem zdravju poznamo od znotraj. Na vsakem srečanju je krog, v katerem je \
     slišan vsak, in ena ali dve resnični situaciji iz našega življenja, ki ju premislimo skupaj. Vloge krožijo, o skupini \
     pa odloča skupina.",
)];

const RULES: &[(&str, &str, &str)] = &[
    (
        "equals",
        "Nobody here is the expert on somebody else's life. Whoever leads today is one of us.",
        "Nihče tu ni strokovnjak za življenje nekoga drugega. Kdor danes vodi, je eden od nas.",
    ),
    (
        "i-say-i",
        "I say \"I\" and speak of what I know myself.",
        "Govorim v prvi osebi in o tem, kar poznam sam ali sama.",
    ),
    (
        "heard-to-the-end",
        "We let each other finish. Passing is fine, tears are fine, silence is fine.",
        "Pustimo drug drugemu, da konča. Lahko preskočiš, lahko jokaš, lahko molčiš.",
    ),
    (
        "ask-first",
        "Ideas for somebody's situation come after questions, and only if they want any.",
        "Zamisli za situacijo nekoga pridejo za vprašanji in samo, če si jih ta človek želi.",
    ),
    (
        "shared-time",
        "The time belongs to everybody. When the timekeeper speaks, we come to an end.",
        "Čas je od vseh. Ko se oglasi skrbnik časa, zaključimo.",
    ),
    (
        "not-alone-with-it",
        "A group of peers is not an emergency service. When somebody is in danger, no one of us carries it alone: we use \
         what our centre has told us, at once.",
        "Skupina enakih ni služba za nujno pomoč. Kadar je kdo v nevarnosti, tega nihče od nas ne nosi sam: takoj ravnamo, \
         kot smo dogovorjeni s svojim centrom.",
    ),
    (
        "deciding",
        "We look for what everybody can live with. Where that fails we vote, and come back to it in three months.",
        "Iščemo rešitev, s katero lahko živimo vsi. Če ne gre, glasujemo in se k odločitvi vrnemo čez tri mesece.",
    ),
];

const ROLES: &[(&str, &str, &str)] = &[
    (
        "host",
        "Opens and closes, leads through the phases, asks for rather than gives answers. Chosen for three meetings, with \
         somebody who learns it alongside.",
        "Odpre in sklene srečanje, vodi skozi njegove dele in raje sprašuje, kot odgovarja. Izbran je za tri srečanja, ob \
         sebi ima nekoga, ki se vloge uči.",
    ),
    (
        "timekeeper",
        "Keeps the agreed minutes so that everybody has a turn, and says when two are left.",
        "Pazi na dogovorjene minute, da pride na vrsto vsak, in pove, ko ostaneta še dve.",
    ),
    (
        "greeter",
        "Meets newcomers at the door, tells them how it goes, and asks afterwards how it was.",
        "Nove ljudi pričaka pri vratih, jim pove, kako poteka, in jih po srečanju vpraša, kako je bilo.",
    ),
    (
        "keeper-of-the-agreement",
        "Has the rules at hand and reminds us when we slip, also the host.",
        "Ima pri roki dogovor in nas opomni, ko nam uide, tudi tistega, ki vodi.",
    ),
    (
        "key-and-kettle",
        "Key, chairs, kettle, and the light at the end.",
        "Ključ, stoli, čaj in na koncu luč.",
    ),
];

const EXPECTATIONS: &[(&str, &str, &str)] = &[
    (
        "what-i-look-for",
        "What are you looking for here that you do not find elsewhere?",
        "Kaj iščeš tukaj, česar drugje ne najdeš?",
    ),
    (
        "what-i-can-give",
        "What could you give to others here, on a good day and on a bad one?",
        "Kaj bi lahko dal ali dala drugim tukaj, na dober in na slab dan?",
    ),
    (
        "of-each-other",
        "What should we never do, even with the best intention?",
        "Česa ne smemo narediti nikoli, niti z najboljšim namenom?",
    ),
    (
        "of-whoever-leads",
        "What does whoever leads need from you so that it does not become a burden?",
        "Kaj od tebe potrebuje tisti, ki vodi, da mu to ne postane breme?",
    ),
];

const PHASES: &[(&str, u32, &str, &str)] = &[
    (
        "opening",
        5,
        "Opening. Welcome, the first rule aloud, who has which role.",
        "Začetek. Dobrodošlica, prvo pravilo na glas, kdo ima katero vlogo.",
    ),
    (
        "round",
        25,
        "Round. Each has the same time: how was it since last time, and do I bring a situation? Nobody comments.",
        "Krog. Vsak ima enako časa: kako je bilo od zadnjič in ali s seboj prinašam situacijo? Nihče ne komentira.",
    ),
    (
        "choosing",
        5,
        "Choosing. What is most pressing, what concerns most of us? Whose situation waits, comes first next time.",
        "Izbira. Kaj je najbolj nujno, kaj se tiče največ nas? Čigar situacija počaka, je prihodnjič prva.",
    ),
    (
        "telling",
        10,
        "Telling. The person tells the situation and says what they want: to be heard, questions, or ideas.",
        "Pripoved. Človek pove svojo situacijo in kaj bi rad: da ga slišimo, vprašanja ali zamisli.",
    ),
    (
        "asking",
        10,
        "Asking. Only questions, and none that is advice in disguise.",
        "Vprašanja. Samo vprašanja, brez nasvetov v preobleki.",
    ),
    (
        "ideas",
        15,
        "Ideas. Each tells what they did in something like it, what came of it, and what they would try. All of it is \
         written down, none of it judged.",
        "Zamisli. Vsak pove, kaj je v čem podobnem naredil, kaj je iz tega nastalo in kaj bi poskusil. Vse zapišemo, ničesar \
         ne ocenjujemo.",
    ),
    (
        "one-step",
        10,
        "One step. The person picks one small step, or none, and says when. The paper is theirs. Next time we ask how it \
         was, not whether it was done.",
        "En korak. Človek izbere en majhen korak ali nobenega in pove, kdaj. List je njegov. Prihodnjič vprašamo, kako je \
         bilo, in ne, ali je narejeno.",
    ),
    (
        "closing",
        10,
        "Closing round. One word or one sentence each. Who leads next time, who needs a call in between?",
        "Sklepni krog. Vsak pove eno besedo ali en stavek. Kdo vodi prihodnjič, kdo vmes potrebuje klic?",
    ),
];

const TOPICS: &[(&str, &str, &str)] = &[
    (
        "a-conversation-i-put-off",
        "A conversation I keep putting off.",
        "Pogovor, ki ga kar naprej odlagam.",
    ),
    (
        "asking-for-help",
        "Asking for help, and being turned down.",
        "Prositi za pomoč in dobiti odklonilen odgovor.",
    ),
    (
        "saying-no",
        "Saying no without losing somebody.",
        "Reči ne in človeka ne izgubiti.",
    ),
    (
        "when-the-day-tips",
        "When the day tips over: what happened just before?",
        "Ko se dan prevesi na slabo: kaj se je zgodilo tik pred tem?",
    ),
    (
        "evenings-and-weekends",
        "Evenings, weekends and holidays alone.",
        "Samotni večeri, konci tedna in prazniki.",
    ),
    (
        "offices-and-letters",
        "Offices, letters, forms: one of them, brought along.",
        "Uradi, pisma, obrazci: eden od njih, ki ga prineseš s seboj.",
    ),
    (
        "at-the-doctor",
        "At the doctor's: saying what I came to say.",
        "Pri zdravniku: povedati to, zaradi česar sem prišel ali prišla.",
    ),
    (
        "back-to-work",
        "Back to work, or not: what to say and what to keep to myself.",
        "Nazaj v službo ali ne: kaj povedati in kaj obdržati zase.",
    ),
    (
        "quarrel-at-home",
        "A quarrel at home that keeps returning.",
        "Prepir doma, ki se kar naprej vrača.",
    ),
    (
        "after-a-setback",
        "After a setback: beginning again, smaller.",
        "Po padcu: začeti znova, z manjšim.",
    ),
    (
        "something-that-went-well",
        "Something that went well: how did I do that?",
        "Nekaj, kar je šlo dobro: kako mi je to uspelo?",
    ),
    (
        "the-group-itself",
        "The group itself: what should stay, what should change?",
        "Naša skupina: kaj naj ostane in kaj naj se spremeni?",
    ),
];

const RESOURCES: &[(&str, &str, &str)] = &[
    (
        "solving-in-steps",
        "Solving in steps: say what the problem is in one sentence; say what would be good enough; collect ways without \
         judging; weigh the two or three best; choose one small step; try; look at what came of it. A problem that cannot \
         be solved can still be shared.",
        "Reševanje po korakih: v enem stavku povej, kaj je težava; povej, kaj bi bilo dovolj dobro; zberi poti brez ocenjevanja; \
         pretehtaj dve ali tri najboljše; izberi en majhen korak; poskusi; poglej, kaj je iz tega nastalo. Tudi težavo, ki je \
         ni mogoče rešiti, je mogoče deliti.",
    ),
    (
        "questions-that-help",
        "Questions that help: When was it a little better? What have you tried already? What would you say to a friend? \
         What is yours to change, and what is not? Who could be on your side?",
        "Vprašanja, ki pomagajo: Kdaj je bilo malo bolje? Kaj od vsega je že preizkušeno? Kaj bi v tem položaju rekel ali \
         rekla prijateljici? Kaj je v tvojih rokah in kaj ni? Kdo bi lahko bil na tvoji strani?",
    ),
    (
        "when-it-gets-too-much",
        "When it gets too much for somebody: stop the round, ask what they need, give air and quiet. Two go out with them, \
         the others wait. Do not promise to keep a danger secret. Afterwards the group takes time for itself.",
        "Ko je za koga preveč: krog ustavimo, vprašamo, kaj potrebuje, damo mu zrak in mir. Dva gresta z njim ven, drugi \
         počakamo. Ne obljubljamo, da bo nevarnost ostala skrivnost. Potem si skupina vzame čas še zase.",
    ),
    (
        "handing-over",
        "Handing over the lead: watch one meeting, lead one together, lead one with the other beside you. Afterwards five \
         minutes for the two of you: what was easy, what was hard, what will I do another way?",
        "Predaja vodenja: eno srečanje opazuj, eno vodita skupaj, eno vodi z drugim ob sebi. Potem pet minut za vaju: kaj je \
         bilo lahko, kaj težko, kaj bom naredil ali naredila drugače?",
    ),
];
