"""The words of the synthetic district: invented people, places, courses.

For: `district.py` and `defects.py`, which draw from these lists.
Belongs here: lists. Does not belong here: who gets which word, and how often.

The lists hold what real exports hold and readers trip over: accents, apostrophes, hyphens, a
comma or a quoted phrase inside a course name. Mail goes to the example.* domains; phones are
555 numbers, in area codes that exist, for a strict check of a number looks at the area code.
"""

from __future__ import annotations


def _words(text: str, separator: str = " ") -> tuple[str, ...]:
    return tuple(text.split(separator))


GIVEN_NAMES = _words(
    "Aaliyah Adrián Aiden Alma Amara Amélie Anh Anika Arjun Ava Beatriz Benjamin Bianca Björn "
    "Caleb Camila Carlos Chloé Cole Dalia Daniel Diego Dmitri Elena Elías Eliza Emeka Emma "
    "Esmé Ethan Farah Felix Fiona Gabriel Giulia Grace Hamza Hana Hugo Ida Imani Inés Isaac Ivy "
    "Jada Jasper Jin-ah Joaquín José Julia Kaia Keanu Khadija Kofi Lan Laila Léa Leo Lin Lucía "
    "Luca Mai Malik Mara Mateo Maya Mei-Ling Micah Minh Mira Nadia Naomi Nia Noah Nuria Odessa "
    "Omar Orla Oscar Paloma Pilar Priya Quinn Rafael René Ren Rosa Ruby Sadie Saoirse Samir Sofía "
    "Soren Talia Tariq Tess Theo Thuy Tomás Uma Valentina Víctor Wren Xavier Ximena Yara Yusuf "
    "Zachary Zoë D'Andre Anne-Marie"
)

FAMILY_NAMES = _words(
    "Abara Acosta Adeyemi Aguilar Albright Álvarez Ambrose Andrade Ashdown Bailey Baptiste Barros "
    "Beckett Benítez Bui Calloway Cárdenas Castellan Chaudhry Chen Cho Clarke Coleridge Côté "
    "Cruz D'Angelo D'Souza Dahl Delacroix Delgado Demir Duong Eberhardt Ellison Escobar Estrada "
    "Fairbanks Farrow Fernández Fofana Fontaine Fuentes García-Nguyen Gallagher Ghosh Gómez "
    "Greenwood Guerrero Gupta Haddad Hale Hashimoto Hawthorne Herrera Hoang Holloway Huang Ibarra "
    "Ingram Iwu Jahn Jiménez Johansson Kapoor Kaur Keller Kim Kowalski Lachance Larkspur Lee-Ortiz "
    "Lindqvist Liu Lozano Macías Mahoney Marchetti Maldonado McAllister McKenna Mbeki Mendoza "
    "Mercado Meyer Morales Müller Muñoz Nakamura Navarro Ngo Nguyen Núñez O'Brien O'Connor O'Leary "
    "Okafor Oliveira Ortega Osman Pacheco Park Patel Peña Pham Quintero Rahman Ramírez Reyes "
    "Rivera-Shaw Rosales Rousseau Saeed Sánchez Santos Schäfer Serrano Silva Singh Solís Sørensen "
    "St.Claire Suzuki Tanaka Thibault Torres Tran Treviño Ubeda Valdez Varga Vasquez-Bell Vega "
    "Villanueva Vu Wakefield Walsh Whitlock Wójcik Xiong Yamamoto Yang Yilmaz Zamora Zhang Zúñiga"
)

PLACES = _words(
    "Lincoln,Alder Grove,Bayview,Cedar Hill,Dry Creek,Eagle Rock,Fern Hollow,Granite Point,"
    "Harbor Light,Indigo Flat,Juniper Flat,Kestrel,Larkspur,Meadowlark,North Fork,Oak Knoll,"
    "Piñon Ridge,Quail Run,Redwood,Sage Canyon,Twin Pines,Union Mills,Valley Oak,Willow Bend,"
    "Yarrow,Zephyr,Arroyo Seco,Blue Heron,Clearwater,Del Río,Elderberry,Foothill,Golden Poppy,"
    "Hidden Springs,Ironwood,Live Oak,Manzanita,Orchard,Pebble Creek,Riverbend,Sunnyslope,"
    "Tule Marsh,Vista,Wildflower",
    separator=",",
)

STREETS = ("Alder Street", "Bay Avenue", "Cedar Lane", "Mill Road", "Oak Drive", "School Way")

TOWNS = ("Riverton", "San Alder", "Oakmere", "Port Larkin", "Villa Sauce")

OFFICE_TITLES = (
    "Principal",
    "Office Manager",
    "Assistant Principal",
    "School Counselor",
    "School Nurse",
    "Librarian, Media Specialist",
)
"""The first two are at every site, the others where it is large enough."""

LANGUAGES = (
    ("English", 610),
    ("Spanish", 220),
    ("Vietnamese", 40),
    ("Mandarin", 35),
    ("es", 20),
    ("Tagalog", 20),
    ("Arabic", 15),
    ("Korean", 15),
    ("Russian", 10),
    ("Cantonese", 10),
    ("vi", 5),
)
"""As a student information system writes them, names and codes mixed, of 1,000 families."""

CONTACT_METHODS = (("text", 45), ("phone", 10), ("email", 20), ("all", 10), ("", 15))
"""Of 100 families."""

HIGH_SCHOOL = (
    ("Homeroom 9", "Homeroom 10", "Homeroom 11", "Homeroom 12"),
    ("English 9", "English 10", "American Literature", "Expository Reading & Writing"),
    ("Algebra 1", "Geometry", "Algebra 2", "Pre-Calculus"),
    ("Biology", "Chemistry", "Physics", "Earth Systems"),
    ("World Geography", "World History", "U.S. History", "Government, Civics and Economics"),
    ("Physical Education 9", "Physical Education 10", "Health and Wellness", "Team Sports"),
    ("Español 1", "Español 2", "Français 3", "Español 4"),
    ("Drawing, Painting and Design", "Ceramics", "Concert Band", "Theater"),
    ("Driver's Education", "Computer Science", "Journalism", 'Debate, "Round Table"'),
)
"""Courses of grades 9 to 12 by subject; homeroom is subject 0."""

MIDDLE_SCHOOL = (
    ("Homeroom 6", "Homeroom 7", "Homeroom 8"),
    ("English 6", "English 7", "English 8"),
    ("Mathematics 6", "Mathematics 7", "Pre-Algebra"),
    ("Earth Science", "Life Science", "Physical Science"),
    ("Ancient World", "Medieval World", "U.S. History 8"),
    ("Physical Education 6", "Physical Education 7", "Physical Education 8"),
    ("Exploring Languages", "Español A", "Español B"),
    ("Art, Music and Drama", "Beginning Band", "Chorus"),
    ("Study Skills", "Coding Club", "Yearbook"),
)
"""Courses of grades 6 to 8."""

ELEMENTARY = (
    "Homeroom",
    "Language Arts",
    "Mathematics",
    "Science",
    "Social Studies",
    "Physical Education",
    "Music",
    "Library, Media and Research",
)
"""Courses of TK to 5, said with their grade; the first five are the homeroom teacher's."""

AREA_CODES = _words(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 "
    "239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 "
    "310 312 313 314 315 316 317 318 319 320 321 323 325 330 334 336 337 339 347 351 352 360 361 "
    "385 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434 "
    "435 440 443 458 469 470 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 "
    "516 517 518 520 530 531 534 540 541 551 559 561 562 563 567 570 571 573 574 575 580 585 586 "
    "601 602 603 605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 "
    "646 650 651 657 660 661 662 678 681 682 701 702 703 704 706 707 708 712 713 714 715 716 717 "
    "718 719 720 724 727 731 732 734 740 747 754 757 760 762 763 765 769 770 772 773 774 775 779 "
    "781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 818 828 830 831 832 843 "
    "845 847 848 850 856 857 858 859 860 862 863 864 865 870 872 878 901 903 904 906 907 908 909 "
    "910 912 913 914 915 916 917 918 919 920 925 928 931 936 937 938 940 941 947 949 951 952 954 "
    "956 970 971 972 973 978 979 980 985 989"
)
