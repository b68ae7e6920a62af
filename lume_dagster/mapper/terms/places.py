"""Codes and names of countries, US states and currencies, as people write them."""

# ruff: noqa: E501 - a table
from __future__ import annotations

import unicodedata

_COUNTRIES = """
AF AFG Afghanistan|AL ALB Albania;Albanien;Albanie|DZ DZA Algeria;Algerien;Algérie;Argelia|AD AND Andorra|AO AGO Angola|AR ARG Argentina;Argentinien;Argentine|AM ARM Armenia
AU AUS Australia;Australien;Australie|AT AUT Austria;Österreich;Autriche|AZ AZE Azerbaijan|BS BHS Bahamas;The Bahamas|BH BHR Bahrain|BD BGD Bangladesh|BB BRB Barbados|BY BLR Belarus;Weißrussland
BE BEL Belgium;Belgien;Belgique;Bélgica;België|BZ BLZ Belize|BJ BEN Benin|BT BTN Bhutan|BO BOL Bolivia;Bolivien|BA BIH Bosnia and Herzegovina;Bosnia;Bosnien und Herzegowina|BW BWA Botswana
BR BRA Brazil;Brasilien;Brésil;Brasil|BN BRN Brunei|BG BGR Bulgaria;Bulgarien;Bulgarie|BF BFA Burkina Faso|BI BDI Burundi|KH KHM Cambodia|CM CMR Cameroon|CA CAN Canada;Kanada;Canadá
CL CHL Chile;Chili|CN CHN China;Chine;PRC;People's Republic of China;Mainland China|CO COL Colombia;Kolumbien;Colombie|CG COG Congo|CD COD DR Congo;Democratic Republic of the Congo|CR CRI Costa Rica
CI CIV Ivory Coast;Côte d'Ivoire|HR HRV Croatia;Kroatien;Croatie;Croacia|CU CUB Cuba;Kuba|CY CYP Cyprus;Zypern;Chypre|CZ CZE Czech Republic;Czechia;Tschechien;République tchèque;Chequia
DK DNK Denmark;Dänemark;Danemark;Dinamarca|DO DOM Dominican Republic|EC ECU Ecuador|EG EGY Egypt;Ägypten;Égypte;Egipto|SV SLV El Salvador|EE EST Estonia;Estland;Estonie|ET ETH Ethiopia
FI FIN Finland;Finnland;Finlande;Finlandia|FR FRA France;Frankreich;Francia|GE GEO Georgia|DE DEU Germany;Deutschland;Allemagne;Alemania;Federal Republic of Germany;GER;BRD|GH GHA Ghana
GR GRC Greece;Griechenland;Grèce;Grecia;Hellas|GT GTM Guatemala|HN HND Honduras|HK HKG Hong Kong|HU HUN Hungary;Ungarn;Hongrie;Hungría|IS ISL Iceland;Island;Islande|IN IND India;Indien;Inde
ID IDN Indonesia;Indonesien;Indonésie|IR IRN Iran|IQ IRQ Iraq;Irak|IE IRL Ireland;Irland;Irlande;Irlanda;Republic of Ireland;Eire|IL ISR Israel;Israël|IT ITA Italy;Italien;Italie;Italia|JM JAM Jamaica
JP JPN Japan;Japon;Japón;Nippon|JO JOR Jordan|KZ KAZ Kazakhstan|KE KEN Kenya;Kenia|KW KWT Kuwait|LV LVA Latvia;Lettland;Lettonie|LB LBN Lebanon|LI LIE Liechtenstein|LT LTU Lithuania;Litauen;Lituanie
LU LUX Luxembourg;Luxemburg;Luxemburgo|MO MAC Macao;Macau|MG MDG Madagascar|MY MYS Malaysia|MV MDV Maldives|ML MLI Mali|MT MLT Malta;Malte|MU MUS Mauritius|MX MEX Mexico;Mexiko;Mexique;México
MD MDA Moldova|MC MCO Monaco|MN MNG Mongolia|ME MNE Montenegro|MA MAR Morocco;Marokko;Maroc;Marruecos|MZ MOZ Mozambique|MM MMR Myanmar;Burma|NA NAM Namibia|NP NPL Nepal
NL NLD Netherlands;The Netherlands;Niederlande;Pays-Bas;Países Bajos;Holland;Nederland|NZ NZL New Zealand;Neuseeland;Nouvelle-Zélande|NI NIC Nicaragua|NE NER Niger|NG NGA Nigeria
KP PRK North Korea|MK MKD North Macedonia;Macedonia|NO NOR Norway;Norwegen;Norvège;Noruega;Norge|OM OMN Oman|PK PAK Pakistan|PA PAN Panama;Panamá|PY PRY Paraguay|PE PER Peru;Perú
PH PHL Philippines;Philippinen|PL POL Poland;Polen;Pologne;Polonia;Polska|PT PRT Portugal|PR PRI Puerto Rico|QA QAT Qatar;Katar|RO ROU Romania;Rumänien;Roumanie;Rumanía
RU RUS Russia;Russian Federation;Russland;Russie;Rusia|RW RWA Rwanda|SA SAU Saudi Arabia;KSA;Saudi-Arabien|SN SEN Senegal|RS SRB Serbia;Serbien;Serbie|SG SGP Singapore;Singapur;Singapour
SK SVK Slovakia;Slowakei;Slovaquie;Slovak Republic|SI SVN Slovenia;Slowenien;Slovénie|ZA ZAF South Africa;Südafrika;Afrique du Sud;Sudáfrica;RSA|KR KOR South Korea;Republic of Korea;Korea;Südkorea;Corée du Sud;Korea, Republic of;Korea South
ES ESP Spain;Spanien;Espagne;España|LK LKA Sri Lanka|SD SDN Sudan|SE SWE Sweden;Schweden;Suède;Suecia;Sverige|CH CHE Switzerland;Schweiz;Suisse;Suiza;Svizzera;SUI|SY SYR Syria
TW TWN Taiwan|TZ TZA Tanzania|TH THA Thailand;Thaïlande|TN TUN Tunisia;Tunesien;Tunisie|TR TUR Turkey;Türkiye;Türkei;Turquie;Turquía|UG UGA Uganda|UA UKR Ukraine;Ucrania
AE ARE United Arab Emirates;UAE;U.A.E.;Vereinigte Arabische Emirate|GB GBR United Kingdom;UK;U.K.;Great Britain;Britain;Vereinigtes Königreich;Großbritannien;Royaume-Uni;Reino Unido;England
US USA United States;United States of America;U.S.A.;U.S.;America;Vereinigte Staaten;USA;États-Unis;Estados Unidos;EE.UU.|UY URY Uruguay|UZ UZB Uzbekistan|VE VEN Venezuela|VN VNM Vietnam;Viet Nam|YE YEM Yemen|ZM ZMB Zambia|ZW ZWE Zimbabwe
"""
_STATES = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California;Calif.;Cali|CO Colorado|CT Connecticut;Conn.|DE Delaware|FL Florida;Fla.|GA Georgia|HI Hawaii|ID Idaho|IL Illinois;Ill.|IN Indiana|IA Iowa|KS Kansas
KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts;Mass.|MI Michigan;Mich.|MN Minnesota;Minn.|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire;N.H.|NJ New Jersey;N.J.
NM New Mexico;N.M.|NY New York;N.Y.;NYS|NC North Carolina;N.C.;N. Carolina|ND North Dakota;N.D.|OH Ohio|OK Oklahoma;Okla.|OR Oregon;Ore.|PA Pennsylvania;Penn.;Penna.|RI Rhode Island;R.I.|SC South Carolina;S.C.|SD South Dakota;S.D.
TN Tennessee;Tenn.|TX Texas;Tex.|UT Utah|VT Vermont|VA Virginia|WA Washington;Wash.;Washington State|WV West Virginia;W.V.;W. Virginia|WI Wisconsin;Wis.|WY Wyoming|DC District of Columbia;D.C.;Washington DC;Washington, D.C.
"""
_CURRENCIES = """
EUR Euro;€;Euros|USD US Dollar;$;US$;U.S. Dollar;United States Dollar;US Dollars;Dollar;Dollars|GBP Pound Sterling;£;British Pound;Pounds;Sterling;Pound;Pfund|JPY Japanese Yen;¥;Yen;JP¥|CHF Swiss Franc;Fr.;SFr;SFr.;Schweizer Franken;Franken|CNY Chinese Yuan;Yuan;RMB;Renminbi;CN¥
INR Indian Rupee;₹;Rupee;Rs;Rs.;Rupees|CAD Canadian Dollar;C$;CA$;CDN$|AUD Australian Dollar;A$;AU$|NZD New Zealand Dollar;NZ$|SEK Swedish Krona;Schwedische Krone|NOK Norwegian Krone|DKK Danish Krone|PLN Polish Zloty;zł;Zloty;Złoty|CZK Czech Koruna;Kč
HUF Hungarian Forint;Ft;Forint|RON Romanian Leu|BRL Brazilian Real;R$;Real|MXN Mexican Peso;MX$|ZAR South African Rand;Rand|TRY Turkish Lira;₺|RUB Russian Ruble;₽;Ruble;Rouble|KRW South Korean Won;₩;Won|SGD Singapore Dollar;S$|HKD Hong Kong Dollar;HK$|ILS Israeli Shekel;₪|THB Thai Baht;฿|AED UAE Dirham
"""


def folded(text: str) -> str:
    """Lower case, without accents, marks and runs of blanks: what two spellings share."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    kept = (c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join("".join(kept).split())


def _read(table: str, codes: int) -> dict[str, tuple[str, ...]]:
    """Every spelling, folded -> the codes and the usual name."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in table.strip().replace("\n", "|").split("|"):
        *given, names = entry.split(" ", codes)
        spelled = names.split(";")
        row = (*given, spelled[0])
        for word in (*given, *spelled):
            found.setdefault(_key(word), row)
    return found


def _key(word: str) -> str:
    return folded(word) or word.strip()


COUNTRIES = _read(_COUNTRIES, 2)  # alpha-2, alpha-3, name
STATES = _read(_STATES, 1)
CURRENCIES = _read(_CURRENCIES, 1)
TABLES = {"country": COUNTRIES, "state": STATES, "currency": CURRENCIES}


def find(table: str, word: str) -> tuple[str, ...] | None:
    """The codes and the name of what a word names."""
    rows = TABLES[table]
    return rows.get(_key(word)) or rows.get(folded(word).replace(" ", "")) if word else None
