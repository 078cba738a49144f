package nmap

import (
	"math/bits"
	"strconv"
	"strings"
)

// portSet is a set of port numbers.
type portSet [65536 / 64]uint64

func (s *portSet) add(port int) { s[port>>6] |= 1 << (port & 63) }

func (s *portSet) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// parse adds "1,3-4,6-7", as nmap writes port lists, and leaves out what is none.
func (s *portSet) parse(list []byte) {
	from, number, digits := -1, 0, 0
	end := func() {
		switch {
		case digits == 0 || number > 65535:
		case from >= 0:
			for p := from; p <= number; p++ {
				s.add(p)
			}
		default:
			s.add(number)
		}
		from, number, digits = -1, 0, 0
	}
	for _, c := range list {
		switch {
		case c >= '0' && c <= '9':
			if digits++; digits <= 6 {
				number = number*10 + int(c-'0')
			}
		case c == '-' && digits > 0 && number <= 65535:
			from, number, digits = number, 0, 0
		default:
			end()
		}
	}
	end()
}

// ranges appends the set as locations: "22/tcp", "80-81/tcp".
func (s *portSet) ranges(out []string, protocol string) []string {
	for p := 0; p < 65536; {
		rest := s[p>>6] >> (p & 63)
		if rest == 0 {
			p = (p>>6 + 1) << 6
			continue
		}
		p += bits.TrailingZeros64(rest)
		from := p
		for p < 65536 && s[p>>6]>>(p&63)&1 == 1 {
			p++
		}
		location := strconv.Itoa(from)
		if p-1 > from {
			location += "-" + strconv.Itoa(p-1)
		}
		out = append(out, location+"/"+protocol)
	}
	return out
}

// protocols are those that have ports.
var protocols = [...]string{"tcp", "udp", "sctp"}

// portSets holds a set for each protocol.
type portSets [len(protocols)]portSet

// of gives the protocol's set, nil for one without ports.
func (s *portSets) of(protocol []byte) *portSet {
	for i := range protocols {
		if string(protocol) == protocols[i] {
			return &s[i]
		}
	}
	return nil
}

func (s *portSets) locations() []string {
	var out []string
	for i := range s {
		out = s[i].ranges(out, protocols[i])
	}
	return out
}

func (s *portSets) count() (n int) {
	for i := range s {
		n += s[i].count()
	}
	return n
}

// scripts finds in nmap's command line which scripts it surely ran, as checks. Categories
// ("vuln", "default") and expressions tell no names.
func scripts(args string) []string {
	words := strings.Fields(strings.NewReplacer(`"`, "", `'`, "").Replace(args))
	versions := false
	var lists []string
	for i, word := range words {
		switch {
		case word == "-sV" || word == "-A" || strings.HasPrefix(word, "-s") && strings.ContainsRune(word, 'V'):
			versions = true
		case strings.HasPrefix(word, "--script="):
			lists = append(lists, strings.TrimPrefix(word, "--script="))
		case word == "--script" && i+1 < len(words):
			lists = append(lists, words[i+1])
		}
	}
	names := strings.Split(strings.Join(lists, ","), ",")
	out := make([]string, 0, len(names))
	for _, name := range names {
		name = strings.TrimPrefix(name, "+")
		name = strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".nse")
		switch {
		case name == "" || categories[name] || strings.ContainsAny(name, "()!"):
			continue
		case name == "all":
			name = "*"
		case strings.Contains(strings.TrimSuffix(name, "*"), "*"):
			continue // a pattern that isn't a prefix
		case (name == "vulners" || name == "vulscan") && !versions:
			continue // nothing to compare
		}
		out = append(out, scheme+name)
	}
	return out
}

// categories of scripts (nmap's reference guide), and the words of expressions.
var categories = map[string]bool{
	"auth": true, "broadcast": true, "brute": true, "default": true, "discovery": true, "dos": true, "exploit": true,
	"external": true, "fuzzer": true, "intrusive": true, "malware": true, "safe": true, "version": true, "vuln": true,
	"and": true, "or": true, "not": true,
}
