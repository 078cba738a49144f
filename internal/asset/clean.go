package asset

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxValue is how long, in bytes, an identifier's value or scope may be.
const maxValue = 2048

// Clean gives an identifier in its canonical form, so that two spellings of one name
// meet, or says why it must not be used: a value that many assets share (a loopback
// address, a container bridge, a placeholder serial) would join what is not one thing.
// A name that turns out to be of another kind (an FQDN without a domain, an origin
// written as a host) comes back as that kind.
func Clean(id Identifier) (clean Identifier, ok bool, why string) {
	id.Value, id.Scope = strings.TrimSpace(id.Value), strings.TrimSpace(id.Scope)
	switch {
	case len(id.Value) > maxValue || len(id.Scope) > maxValue:
		return id, false, "too long"
	case !printable(id.Value) || !printable(id.Scope):
		return id, false, "not printable text"
	case strings.Contains(id.Scope, "|"):
		return id, false, "a scope can't hold |" // it would read as another key
	case placeholder(id.Value):
		return id, false, "a placeholder, not a value"
	}
	switch id.Kind {
	case CloudResourceID:
		if strings.HasPrefix(strings.ToLower(id.Value), "/subscriptions/") { // Azure ignores case; AWS and Google don't
			id.Value = strings.TrimRight(strings.ToLower(id.Value), "/")
		}
	case CloudInstanceID:
		id.Value = strings.ToLower(id.Value)
	case BIOSUUID:
		id.Value, why = cleanUUID(id.Value)
	case SerialNumber:
		id.Value, why = cleanSerial(id.Value)
		id.Scope = cleanMaker(id.Scope)
	case ImageDigest:
		id.Value, why = cleanDigest(id.Value)
	case RepositoryName:
		id.Value, why = cleanRepository(id.Value)
	case URLOrigin:
		id.Value, why = cleanOrigin(id.Value)
	case FQDN, Hostname:
		id, why = cleanName(id)
	case MAC:
		id.Value, why = cleanMAC(id.Value)
	case IP:
		id.Value, why = cleanIP(id.Value)
	case AgentID, SourceAssetID, Label: // opaque: as the source writes them
	default:
		why = "unknown identifier kind"
	}
	return id, why == "", why
}

func printable(s string) bool {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] <= '~'
	}
	return plain || utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// placeholder knows the texts that stand where a value should, in any field.
func placeholder(v string) bool {
	v = strings.ToLower(v)
	switch v {
	case "", "none", "null", "nil", "n/a", "na", "unknown", "undefined", "unspecified", "invalid", "empty", "default",
		"not available", "not specified", "not applicable", "not set", "default string", "system serial number",
		"chassis serial number", "base board serial number", "to be filled by o.e.m.", "to be filled by oem", "oem", "o.e.m.",
		"123456789", "1234567890", "0123456789", "redacted":
		return true
	}
	if strings.Contains(v, "[redacted") || strings.HasPrefix(v, "<") && strings.HasSuffix(v, ">") ||
		strings.HasPrefix(v, "${") || strings.HasPrefix(v, "{{") {
		return true
	}
	return uniform(v)
}

// uniform reports whether a text is one character over and over, punctuation aside:
// 0000-0000, xxxxxxxx, ****. A few equal digits may be a source's own number.
func uniform(v string) bool {
	var first rune
	n := 0
	for _, r := range v {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			continue
		case n > 0 && r != first:
			return false
		}
		first = r
		n++
	}
	return n == 0 || n > 7 || first == '0'
}

func cleanUUID(v string) (string, string) {
	hex, ok := hexDigits(v, "-{} ")
	if !ok || len(hex) != 32 {
		return v, "not a UUID"
	}
	switch hex {
	case "03000200040005000006000700080009", "00020003000400050006000700080009", "12345678123456789012345678901234",
		"12345678123456781234567812345678", "12345678123456781234567890abcdef", "123456781234567890abcddeefaabbcc", "fefefefefefefefefefefefefefefefe":
		return v, "a UUID that a maker put into many machines"
	}
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:], ""
}

func cleanSerial(v string) (string, string) {
	upper := strings.ToUpper(v)
	for _, prefix := range []string{"VMWARE-", "PARALLELS-", "VIRTUAL", "QEMU", "XEN", "KVM"} {
		if strings.HasPrefix(upper, prefix) {
			return v, "a virtual machine's serial, which copies share"
		}
	}
	if len(v) < 4 || strings.Trim(upper, upper[:1]) == "" {
		return v, "too plain for a serial"
	}
	return upper, ""
}

func cleanDigest(v string) (string, string) {
	if at := strings.LastIndexByte(v, '@'); at >= 0 {
		v = v[at+1:]
	}
	hex := strings.TrimPrefix(strings.ToLower(v), "sha256:")
	if h, ok := hexDigits(hex, ""); !ok || len(h) != 64 {
		return v, "not a SHA-256 image digest"
	}
	if hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" || uniform(hex) {
		return v, "the digest of nothing"
	}
	return "sha256:" + hex, ""
}

func cleanRepository(v string) (string, string) {
	v = strings.ToLower(v)
	if _, rest, ok := strings.Cut(v, "://"); ok {
		v = rest
	} else if user, path, ok := strings.Cut(v, ":"); ok && strings.Contains(user, "@") { // git@host:owner/name
		v = user + "/" + path
	}
	host, path, _ := strings.Cut(v, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:] // never keep credentials
	}
	v = strings.Trim(host+"/"+path, "/")
	v = strings.TrimSuffix(v, ".git")
	if !strings.Contains(v, "/") {
		return v, "a repository is named by its owner too"
	}
	return v, ""
}

func cleanOrigin(v string) (string, string) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		return v, "not a URL with scheme and host"
	}
	host := strings.ToLower(u.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil {
		text, why := cleanIP(host)
		if why != "" {
			return v, why
		}
		if host = text; addr.Unmap().Is6() {
			host = "[" + text + "]"
		}
	} else {
		id, why := cleanName(Identifier{Kind: Hostname, Value: host})
		if why != "" {
			return v, why
		}
		host = id.Value
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[scheme] {
		host += ":" + port
	}
	return scheme + "://" + host, ""
}

// cleanName makes names canonical. Names without a domain, and the two-part names that
// home routers and mDNS give in every network, are bare hostnames whatever the source
// calls them.
func cleanName(id Identifier) (Identifier, string) {
	name := strings.TrimSuffix(strings.ToLower(id.Value), ".")
	if strings.Trim(name, "0123456789.") == "" || strings.Contains(name, ":") { // else it is no address, which costs more to hear from ParseAddr
		if addr, err := netip.ParseAddr(name); err == nil {
			value, why := cleanIP(addr.String())
			return Identifier{Kind: IP, Scope: id.Scope, Value: value}, why
		}
	}
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	switch {
	case len(name) > 253 || slices.ContainsFunc(labels, badLabel):
		return id, "not a host name"
	case labels[0] == "localhost" || last == "localhost" || strings.HasPrefix(labels[0], "ip6-") || name == "localhost4" ||
		name == "localhost6" || name == "broadcasthost" || strings.HasPrefix(name, "localhost4.") || strings.HasPrefix(name, "localhost6."):
		return id, "every machine calls itself localhost"
	case last == "arpa":
		return id, "a reverse name, not a machine's"
	case containerID(labels[0]):
		return id, "a container's id, gone with the container"
	}
	id.Value = name
	if id.Kind == FQDN && (len(labels) == 1 || len(labels) == 2 && slices.Contains([]string{"local", "localdomain", "lan", "home", "internal"}, last)) {
		id.Kind = Hostname
	}
	return id, ""
}

func badLabel(label string) bool {
	return label == "" || len(label) > 63 || strings.IndexFunc(label, func(r rune) bool {
		return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) >= 0
}

// containerID knows the host name that Docker gives: twelve hex digits.
func containerID(label string) bool {
	_, hex := hexDigits(label, "")
	return hex && len(label) == 12 && strings.ContainsAny(label, "0123456789")
}

func cleanMAC(v string) (string, string) {
	hex, ok := hexDigits(v, ":-. ")
	if !ok || len(hex) != 12 {
		return v, "not a MAC address"
	}
	switch {
	case hex == "000000000000":
		return v, "the zero MAC address"
	case hex == "ffffffffffff":
		return v, "the broadcast MAC address"
	case strings.HasPrefix(hex, "0242"):
		return v, "a container's MAC address"
	case strings.ContainsRune("13579bdf", rune(hex[1])):
		return v, "a group MAC address"
	case strings.HasPrefix(hex, "00005e0001"), strings.HasPrefix(hex, "00005e0002"):
		return v, "a virtual router's MAC address"
	}
	switch hex {
	case "005056c00001", "005056c00008", "0a0027000000", "02004c4f4f50", "00059a3c7a00", "2041534e4eff", "204153594eff":
		return v, "a virtual adapter's MAC address, the same on many machines"
	}
	pairs := make([]string, 0, 6)
	for i := 0; i < len(hex); i += 2 {
		pairs = append(pairs, hex[i:i+2])
	}
	return strings.Join(pairs, ":"), ""
}

// hexDigits drops separators and lower-cases; ok if only hex digits are left.
func hexDigits(v, separators string) (hex string, ok bool) {
	hex = strings.Map(func(r rune) rune {
		if strings.ContainsRune(separators, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, v)
	return hex, hex != "" && strings.Trim(hex, "0123456789abcdef") == ""
}
