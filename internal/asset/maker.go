package asset

import (
	"strings"
	"unicode"
)

// cleanMaker gives a maker's name as the scope of serial numbers, so that "Dell Inc." and
// "Dell", "LENOVO" and "Lenovo" are one maker: lower case, without punctuation and legal
// forms, and under one name where a maker surely has several. Makers that only might share
// their serial numbers, such as HP and HPE since they parted, stay two.
func cleanMaker(name string) string {
	if placeholder(name) {
		return ""
	}
	words := strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return ' '
	}, name))
	for len(words) > 1 && legalForm(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	maker := strings.Join(words, " ")
	switch maker {
	case "hewlett packard":
		return "hp"
	case "hewlett packard enterprise":
		return "hpe"
	case "international business machines":
		return "ibm"
	case "asustek", "asustek computer":
		return "asus"
	case "super micro", "super micro computer":
		return "supermicro"
	case "micro star international":
		return "msi"
	case "gigabyte technology", "giga byte technology":
		return "gigabyte"
	case "apple computer":
		return "apple"
	case "cisco systems":
		return "cisco"
	case "juniper networks":
		return "juniper"
	}
	return maker
}

// legalForm knows the words at the end of a company's name that say what it is by law.
func legalForm(word string) bool {
	switch word {
	case "inc", "incorporated", "ltd", "limited", "llc", "corp", "corporation", "co", "company", "gmbh", "mbh", "kg", "ag", "se", "sa", "sas", "srl",
		"spa", "bv", "nv", "oy", "ab", "plc", "pte", "pty", "kk":
		return true
	}
	return false
}
