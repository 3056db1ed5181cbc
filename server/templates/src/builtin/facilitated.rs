//! Structured discussions, led by a professional.

use krog_measures::Facilitation;

use super::{confidentiality, parts, phases};
use crate::builder::TemplateBuilder;
use crate::licence::Licence;
use crate::part::{Lock, PartKind};

pub(super) fn builder() -> TemplateBuilder {
    let builder = TemplateBuilder::new(
        "season-of-conversations",
        Facilitation::Professional,
        Licence::Cc0,
    );
    let builder = parts(
        builder,
        PartKind::Title,
        Lock::Free,
        &[(
            "title",
            "Living with it: a season of conversations",
            "Živeti s tem: sezona pogovorov",
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
    "Twelve meetings for people who live with mental-health difficulties. Each has a topic, and we talk about what it is \
     like and what helps. A professional keeps the frame and joins in with what they know. Nobody is treated or assessed \
     here: we learn from each other what no book says.",
    "Dvanajst srečanj za ljudi, ki živimo s težavami v duševnem zdravju. Vsako ima svojo temo, pogovarjamo pa se o tem, \
     kako je s tem živeti in kaj pomaga. Strokovna oseba skrbi za okvir in doda, kar ve. Tu se nihče ne zdravi in nihče \
     ni ocenjevan: drug od drugega izvemo, česar ne piše v nobeni knjigi.",
)];

const RULES: &[(&str, &str, &str)] = &[
    (
        "own-measure",
        "Everyone says as much as they want. \"I pass\" is a full answer, and so is listening.",
        "Vsak pove toliko, kolikor želi. »Danes ne bi« je popoln odgovor in tudi poslušanje šteje.",
    ),
    (
        "one-at-a-time",
        "One person speaks at a time, and we leave room for those who need longer to begin.",
        "Govori en človek naenkrat. Pustimo prostor tistim, ki za začetek potrebujejo več časa.",
    ),
    (
        "experience-before-advice",
        "We speak from our own experience. Advice only when somebody asks for it; nobody is told to change their \
         medicines here.",
        "Govorimo iz svoje izkušnje. Svetujemo samo, kadar kdo za nasvet prosi; o tem, katera zdravila naj kdo jemlje, \
         tu ne odločamo.",
    ),
    (
        "coming-and-going",
        "You may leave the room when it gets too much and come back. If you stay away we are glad of a word, and you owe \
         no reason.",
        "Kadar postane preveč, lahko greš iz prostora in se vrneš. Če te ne bo, bomo veseli sporočila, razloga pa nisi \
         dolžan ali dolžna povedati.",
    ),
    (
        "clear-head",
        "We come sober enough to listen, and leave phones silent in the bag.",
        "Pridemo dovolj trezni, da lahko poslušamo, telefoni pa so utišani in pospravljeni.",
    ),
];

const ROLES: &[(&str, &str, &str)] = &[
    (
        "facilitator",
        "Prepares the topic, keeps the rules in sight, looks after whoever has gone quiet. Stays until the last person has \
         left the room well.",
        "Pripravi temo, pazi na dogovor, opazi, kdo je utihnil. Ostane, dokler zadnji človek mirno ne odide.",
    ),
    (
        "host",
        "Opens the room, sees to chairs, water and tea, and says what the topic is today.",
        "Odpre prostor, poskrbi za stole, vodo in čaj ter pove, katera tema je danes na vrsti.",
    ),
    (
        "timekeeper",
        "Watches the time and says when a phase comes to its end, kindly and audibly.",
        "Spremlja čas ter prijazno in slišno pove, kdaj se kateri del izteka.",
    ),
    (
        "greeter",
        "Welcomes whoever comes for the first time, sits next to them and explains how it goes.",
        "Pozdravi vsakogar, ki pride prvič, sede zraven in pojasni, kako poteka srečanje.",
    ),
];

const EXPECTATIONS: &[(&str, &str, &str)] = &[
    (
        "worth-coming",
        "What would have to happen here for it to be worth the way?",
        "Kaj bi se moralo tu zgoditi, da bi se splačalo priti?",
    ),
    (
        "speaking",
        "What helps you to speak in a group, and what makes you go quiet?",
        "Kaj ti pomaga, da v skupini spregovoriš, in ob čem utihneš?",
    ),
    (
        "of-the-facilitator",
        "What do you wish for from the person who leads, and what rather not?",
        "Kaj si želiš od osebe, ki vodi, in česa raje ne?",
    ),
    (
        "hard-moments",
        "How should we notice that you are not well, and what may we do then?",
        "Po čem naj opazimo, da ti ni dobro, in kaj lahko takrat naredimo?",
    ),
];

const PHASES: &[(&str, u32, &str, &str)] = &[
    (
        "arriving",
        10,
        "Arriving. Tea, a word to the neighbour, the rules in one sentence each, who has which role today.",
        "Prihod. Čaj, beseda s sosedom, vsako pravilo v enem stavku, kdo ima danes katero vlogo.",
    ),
    (
        "round",
        15,
        "First round. Each person, as briefly as they like: how am I here today?",
        "Prvi krog. Vsak pove, kolikor na kratko želi: kako sem danes tukaj?",
    ),
    (
        "into-the-topic",
        10,
        "Into the topic. The facilitator begins with a short thought or a question everyone can answer.",
        "Uvod v temo. Vodja začne s kratko mislijo ali vprašanjem, na katerega lahko odgovori vsak.",
    ),
    (
        "conversation",
        40,
        "Conversation. First what it is like, then what has helped, even a little, even once.",
        "Pogovor. Najprej o tem, kako je s tem, potem o tem, kaj je pomagalo, pa čeprav malo ali enkrat samkrat.",
    ),
    (
        "closing",
        15,
        "Closing. Each takes one thing along. Is anybody leaving with something too heavy? What comes next time?",
        "Sklep. Vsak pove eno stvar, ki jo odnese s seboj. Ali kdo odhaja s pretežkim bremenom? Kaj bo na vrsti prihodnjič?",
    ),
];

const TOPICS: &[(&str, &str, &str)] = &[
    (
        "how-we-want-to-be-together",
        "How we want to be together. What made other groups good or bad for you?",
        "Kako želimo biti skupaj. Kaj je bilo v drugih skupinah zate dobro ali slabo?",
    ),
    (
        "my-word-for-it",
        "My word for it. A diagnosis is one name. Which words fit what you live with, and who gave them to you?",
        "Moja beseda za to. Diagnoza je le eno ime. Katere besede ustrezajo temu, s čimer živiš, in kdo ti jih je dal?",
    ),
    (
        "days-and-nights",
        "Days and nights. Sleep, getting up, evenings that do not end. What gives a day its shape?",
        "Dnevi in noči. Spanje, vstajanje, večeri brez konca. Kaj daje dnevu obliko?",
    ),
    (
        "heaviness",
        "When everything is heavy. What does it do to thinking, to the body, to the kitchen? What is the smallest thing that \
         still works?",
        "Ko je vse težko. Kaj se zgodi z mislimi, s telesom, s kuhinjo? Katera najmanjša stvar takrat še gre?",
    ),
    (
        "fear-and-unrest",
        "Fear and unrest. How does it begin, what makes it grow, what lets it pass?",
        "Strah in nemir. Kako se začne, kaj ga krepi in kaj mu pusti, da mine?",
    ),
    (
        "voices-and-other-worlds",
        "Voices, thoughts and other worlds. What others do not hear or see can frighten, and sometimes keep company. How do \
         you live with it?",
        "Glasovi, misli in drugi svetovi. Kar drugi ne slišijo ali ne vidijo, lahko prestraši, včasih pa dela družbo. Kako \
         s tem živiš?",
    ),
    (
        "medicines-and-treatment",
        "Medicines and treatment. What did you expect, what did you get, and how do you speak with your doctor so that you \
         are heard?",
        "Zdravila in zdravljenje. Kaj je bilo pričakovano, kaj je prišlo in kako govoriti z zdravnico ali zdravnikom, da te \
         sliši?",
    ),
    (
        "people-close-to-us",
        "People close to us. What do they understand, what would you like to tell them, where does help become too much?",
        "Naši bližnji. Kaj razumejo, kaj bi jim želeli povedati, kje postane pomoči preveč?",
    ),
    (
        "what-others-think",
        "What others think. Prejudice at work, in the family, in oneself. Whom do you tell, and whom not?",
        "Kaj si mislijo drugi. Predsodki v službi, v družini, v sebi. Komu poveš in komu ne?",
    ),
    (
        "work-money-home",
        "Work, money, a place to live. What presses, which offices and people turned out to be good?",
        "Delo, denar, streha nad glavo. Kaj najbolj teži, kateri uradi in ljudje so se izkazali?",
    ),
    (
        "early-signs",
        "Early signs. How do you notice that it is turning, who may tell you, and what do you wish to happen then?",
        "Zgodnji znaki. Po čem opaziš, da se obrača na slabše, kdo ti to sme povedati in kaj si takrat želiš?",
    ),
    (
        "what-getting-better-means",
        "What getting better means to me. Looking back on the season: what has changed, what stays, how do we part?",
        "Kaj zame pomeni, da gre na bolje. Pogled nazaj na sezono: kaj se je spremenilo, kaj ostaja, kako se poslovimo?",
    ),
];

const RESOURCES: &[(&str, &str, &str)] = &[
    (
        "depression",
        "Depression is more than sadness: drive, sleep, appetite and hope go together, often for weeks. It is common, it is \
         nobody's fault, and for most people it passes or eases. Small fixed points in the day, movement, company and \
         treatment each help some. When thoughts of dying come, tell somebody the same day.",
        "Depresija je več kot žalost: pogosto za več tednov skupaj izginejo volja, spanec, tek in upanje. Je pogosta, zanjo ni \
         nihče kriv in pri večini ljudi mine ali popusti. Majhne stalnice v dnevu, gibanje, družba in zdravljenje: vsako od \
         tega komu pomaga. Ko pridejo misli na smrt, to še isti dan nekomu povej.",
    ),
    (
        "anxiety",
        "Anxiety is an alarm that rings too often. The racing heart is real and not dangerous in itself; it rises, stands \
         and falls again, mostly within minutes. What we avoid grows. Slow breathing out, naming five things in the room and \
         going back in small steps are ways many people know.",
        "Tesnoba je alarm, ki zvoni prepogosto. Razbijanje srca je resnično, samo po sebi pa ni nevarno: naraste, obstane in \
         se umiri, večinoma v nekaj minutah. Česar se izogibamo, raste. Počasno izdihovanje, pet stvari, ki jih vidim v \
         prostoru, in vračanje po majhnih korakih so poti, ki jih pozna veliko ljudi.",
    ),
    (
        "unusual-experiences",
        "Hearing voices or being sure of things others doubt can come with illness, with little sleep, with loss or with \
         drugs. Arguing rarely helps; feeling safe does. Many people find ways to live with it: setting times, answering \
         back, writing it down, medicines, somebody to call on.",
        "Slišati glasove ali biti trdno prepričan v nekaj, o čemer drugi dvomijo: to lahko prinesejo bolezen, premalo spanja, \
         izguba ali droge. Prepričevanje redko pomaga, občutek varnosti pa. Mnogi najdejo načine, kako s tem živeti: \
         določen čas za glasove, odgovor nanje, zapisovanje, zdravila, človek, na katerega se lahko obrneš.",
    ),
    (
        "own-plan",
        "A plan for bad days fits on one page: my early signs; what I do myself; who may notice and say so; whom I turn to, \
         by day and by night; what I do not want. Write it on a good day, and give it to those it names.",
        "Načrt za slabe dni gre na eno stran: moji zgodnji znaki; kaj naredim sam ali sama; kdo sme opaziti in mi povedati; na \
         koga se obrnem podnevi in ponoči; česa ne želim. Napiši ga na dober dan in ga daj tistim, ki so v njem.",
    ),
];
