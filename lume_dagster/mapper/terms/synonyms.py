"""Words that mean the same in code lists: each line is one meaning, in several languages."""

# ruff: noqa: E501 - a table
from __future__ import annotations

_LINES = """
m|male|man|men|boy|mr|mann|männlich|maennlich|herr|homme|masculin|hombre|masculino|h
f|female|woman|women|w|girl|mrs|ms|frau|weiblich|femme|féminin|feminin|mujer|femenino
x|other|nonbinary|non binary|nb|diverse|divers|d|another|o|autre|otro|andere
u|unknown|unk|undisclosed|not stated|prefer not to say|n|unbekannt|inconnu|desconocido|not specified
active|a|act|live|enabled|current|in force|aktiv|actif|activo|running|on
inactive|i|inact|disabled|dormant|inaktiv|inactif|inactivo|off|not active|ina
pending|p|pend|waiting|awaiting|queued|wartend|ausstehend|en attente|pendiente|on hold
open|o|opened|new|offen|ouvert|abierto|to do|todo|not started
closed|c|cls|close|geschlossen|fermé|ferme|cerrado|shut|cl
in progress|ip|wip|in bearbeitung|en cours|en curso|ongoing|started|processing|in process|inprogress|doing|proc
done|complete|completed|finished|resolved|fertig|erledigt|abgeschlossen|terminé|termine|completado|comp|d|fin
cancelled|canceled|cancel|cxl|cncl|void|voided|storniert|annulé|annule|cancelado|abgebrochen|x|canc
failed|fail|error|err|unsuccessful|fehlgeschlagen|échoué|fallido|ko
success|successful|succeeded|ok|passed|pass|erfolgreich|réussi|exito
draft|dft|entwurf|brouillon|borrador|d
approved|appr|accepted|accept|ok|genehmigt|approuvé|approuve|aprobado|a|y
rejected|rej|declined|denied|refused|abgelehnt|rejeté|refusé|rechazado|r|n
shipped|sent|dispatched|shp|versandt|versendet|expédié|enviado|s|despatched
delivered|dlv|dlvd|arrived|received|geliefert|zugestellt|livré|livre|entregado|d
returned|rtn|ret|retour|zurückgesandt|retourné|devuelto|r
refunded|rfd|rfnd|reimbursed|money back|erstattet|remboursé|reembolsado
paid|pd|settled|bezahlt|payé|paye|pagado|p
unpaid|outstanding|due|unbezahlt|impayé|impagado|owing
overdue|late|past due|überfällig|en retard|vencido
suspended|susp|blocked|frozen|gesperrt|suspendu|suspendido
deleted|del|removed|gelöscht|supprimé|eliminado
archived|arch|archiviert|archivé|archivado
expired|exp|lapsed|abgelaufen|expiré|caducado
terminated|term|ended|gekündigt|résilié|rescindido|left|leaver
high|h|hi|hoch|haut|élevé|alto|p1|3 high
medium|m|med|mid|mittel|moyen|medio|normal|average|moderate|p2
low|l|lo|niedrig|bas|faible|bajo|p3|minor
critical|crit|c|kritisch|critique|crítico|critico|blocker|p0|sev1|highest|severe
urgent|u|asap|dringend|urgente
single|s|never married|ledig|célibataire|celibataire|soltero|unmarried|sgl
married|m|verheiratet|marié|marie|casado|mar
divorced|d|geschieden|divorcé|divorce|divorciado|div
widowed|w|widow|widower|verwitwet|veuf|veuve|viudo|wid
separated|sep|getrennt|séparé|separado
small|s|sm|klein|petit|pequeño|sml
medium|m|med|md|mittel
large|l|lg|lrg|groß|gross|grand|grande
extra large|xl|xlarge|x large|x-large
extra small|xs|xsmall|x small|x-small
extra extra large|xxl|2xl|xx large
monday|mon|mo|montag|lundi|lunes
tuesday|tue|tu|tues|di|dienstag|mardi|martes
wednesday|wed|we|mi|mittwoch|mercredi|miércoles|miercoles
thursday|thu|th|thur|thurs|do|donnerstag|jeudi|jueves
friday|fri|fr|freitag|vendredi|viernes
saturday|sat|sa|samstag|samedi|sábado|sabado
sunday|sun|su|so|sonntag|dimanche|domingo
january|jan|januar|janvier|enero|1|01
february|feb|februar|février|fevrier|febrero|2|02
march|mar|märz|maerz|mars|marzo|3|03
april|apr|avril|abril|4|04
may|mai|mayo|5|05
june|jun|juni|juin|junio|6|06
july|jul|juli|juillet|julio|7|07
august|aug|août|aout|agosto|8|08
september|sep|sept|septembre|septiembre|9|09
october|oct|okt|oktober|octobre|octubre|10
november|nov|novembre|noviembre|11
december|dec|dez|dezember|décembre|decembre|diciembre|12
full time|ft|fulltime|full-time|vollzeit|temps plein|tiempo completo|f|permanent full time
part time|pt|parttime|part-time|teilzeit|temps partiel|tiempo parcial|p
contractor|contract|freelance|freelancer|contr|ctr|freiberufler|temp contract
intern|internship|trainee|praktikant|stagiaire|becario|apprentice
temporary|temp|seasonal|casual|befristet|temporaire|temporal
permanent|perm|unbefristet|permanente|regular
credit card|cc|card|creditcard|credit|kreditkarte|carte de crédit|tarjeta|visa|mastercard|amex|tarjeta de crédito
debit card|dc|debit|ec karte|ec
bank transfer|wire|wire transfer|bt|überweisung|ueberweisung|virement|transferencia|ach|sepa|bank|eft
cash|csh|bar|bargeld|espèces|especes|efectivo|cod
check|cheque|chk|chq|scheck|chèque
paypal|pp|pay pal
direct debit|dd|lastschrift|prélèvement|domiciliación
invoice|inv|rechnung|facture|factura
email|e-mail|mail|e mail|correo|courriel|em
phone|telephone|tel|telefon|call|téléphone|teléfono|ph|voice
sms|text|text message
in person|in store|store|onsite|on site|face to face|walk in|pos|filiale
web|online|website|internet|www|ecommerce|e-commerce
male|m
buy|b|purchase|kauf|achat|compra|bought|long
sell|s|sale|verkauf|vente|venta|sold|short
debit|dr|d|soll|débit
credit|cr|c|haben|crédit
yes|y|true|1|ja|oui|si|sí|on|t|j
no|n|false|0|nein|non|off|f
individual|person|private|b2c|consumer|privat|particulier|natural person|ind
company|business|organization|organisation|corporate|b2b|firma|entreprise|empresa|org|corp|legal entity
new|neu|nouveau|nuevo|n|brand new
used|gebraucht|occasion|usado|second hand|pre-owned|u|secondhand
refurbished|refurb|generalüberholt|reconditionné|reacondicionado|r
petrol|gasoline|gas|benzin|essence|gasolina|p
diesel|gasoil|d|dsl
electric|ev|bev|elektro|électrique|eléctrico|e
hybrid|hev|phev|hybride|híbrido
manual|man|mt|m|schaltgetriebe|manuelle
automatic|auto|at|a|automatik|automatique
north|n|nord|norte
south|s|süd|sued|sud|sur
east|e|ost|est|este
west|w|ouest|oeste
excellent|exc|sehr gut|very good
good|gut|bon|bueno|g
fair|ok|average|mittel|f
poor|bad|schlecht|mauvais|malo|p
everyone|e|all ages|all
everyone 10+|e10+|e10|10+
teen|t|teens
mature|m|mature 17+|17+|m17
adults only|ao|adults only 18+|18+
rating pending|rp|not rated|unrated
celsius|c|°c|centigrade
fahrenheit|f|°f
inbound|in|incoming|eingehend|entrant|i
outbound|out|outgoing|ausgehend|sortant|o
income|revenue|einnahme|in
expense|cost|ausgabe|out
dog|canine|hund|chien|perro
cat|feline|katze|chat|gato
daily|d|day|per day|täglich|quotidien|diario|every day
weekly|w|week|per week|wöchentlich|hebdomadaire|semanal|every week
monthly|m|month|per month|mo|monatlich|mensuel|mensual|every month
quarterly|q|quarter|per quarter|vierteljährlich|trimestriel|trimestral|every 3 months|qtr
yearly|y|year|per year|annual|annually|a|jährlich|annuel|anual|yr|every year|p.a.
hourly|h|hour|per hour|hr|stündlich
one time|once|one off|one-time|onetime|einmalig|unique|single
doctor|dr|dr.
professor|prof|prof.
freemium|free|gratis|kostenlos|gratuit|f
basic|bsc|starter|standard|std
premium|prem|pro|plus|prm
enterprise|ent|corporate
bachelor|bsc|ba|bachelors|bachelor's|undergraduate|b.sc.|b.a.|bs
master|msc|ma|masters|master's|graduate|m.sc.|m.a.|ms|mba
doctorate|phd|ph.d.|doctoral|dphil|promotion
high school|hs|secondary|abitur|baccalauréat|ged|highschool
pc|windows|microsoft windows|win|windows pc|personal computer|ms windows
macos|mac|os x|osx|apple macintosh|mac os
role playing|rpg|role-playing|role playing game
first person shooter|fps
massively multiplayer online|mmo|mmorpg
shooter|shmup
real time strategy|rts
hip hop|rap|hiphop|hip-hop
r&b|rnb|rhythm and blues
electronic|electronica|edm|electro
drum and bass|dnb|d&b
"""

#: Word -> the meanings it may have, as numbers.
MEANINGS: dict[str, frozenset[int]] = {}
for _number, _line in enumerate(_LINES.strip().splitlines()):
    for _word in _line.split("|"):
        MEANINGS[_word] = MEANINGS.get(_word, frozenset()) | {_number}


def same_meaning(one: str, other: str) -> bool:
    """Whether two words, in lower case, can mean the same."""
    return bool(MEANINGS.get(one, frozenset()) & MEANINGS.get(other, frozenset()))


_MEMBERS = [frozenset(line.split("|")) for line in _LINES.strip().splitlines()]


def alike(word: str) -> frozenset[str]:
    """All words that can mean the same as a word in lower case."""
    return frozenset(other for n in MEANINGS.get(word, ()) for other in _MEMBERS[n])
