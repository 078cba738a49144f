package nmap

import (
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// port is one <port>.
type port struct {
	protocol, number string
	id               int
	state, reason    string
	service          service
	scripts          []script
}

// service is a <service> as nmap guessed or probed it; it goes into Vendor as it is.
type service struct {
	Name    string   `json:"name,omitempty"`
	Product string   `json:"product,omitempty"`
	Version string   `json:"version,omitempty"`
	Extra   string   `json:"extrainfo,omitempty"`
	OS      string   `json:"ostype,omitempty"`
	Tunnel  string   `json:"tunnel,omitempty"`
	Method  string   `json:"method,omitempty"` // "table": guessed from the port's number
	Conf    string   `json:"conf,omitempty"`
	CPE     []string `json:"cpe,omitempty"`
}

// script is one <script> with what is used of its structured output.
type script struct {
	id, output string
	cves       []string
	states     []string // of the vulns library: VULNERABLE, NOT VULNERABLE, …
	title      string
	score      float64 // highest CVSS named
	exploit    bool
}

// Limits of what is kept.
const (
	maxScripts = 200
	maxCPE     = 20
	maxText    = 1 << 10
)

func (p *port) read(r *xmlpull.Reader) {
	p.protocol, p.number = string(r.Attr("protocol")), string(r.Attr("portid"))
	for depth := r.Depth(); r.Child(depth); {
		switch string(r.Name()) {
		case "state":
			p.state, p.reason = string(r.Attr("state")), string(r.Attr("reason"))
		case "service":
			p.service.read(r)
		case "script":
			if len(p.scripts) < maxScripts {
				var s script
				s.read(r)
				p.scripts = append(p.scripts, s)
			}
		}
	}
}

// numbered reads the port's number, and writes it as we do.
func (p *port) numbered() bool {
	id, err := strconv.ParseUint(p.number, 10, 16)
	p.id, p.number = int(id), strconv.FormatUint(id, 10)
	return err == nil
}

func (s *service) read(r *xmlpull.Reader) {
	for i := range r.NumAttr() {
		name, value := r.AttrAt(i)
		text := string(value[:min(len(value), maxText)])
		switch string(name) {
		case "name":
			s.Name = text
		case "product":
			s.Product = text
		case "version":
			s.Version = text
		case "extrainfo":
			s.Extra = text
		case "ostype":
			s.OS = text
		case "tunnel":
			s.Tunnel = text
		case "method":
			s.Method = text
		case "conf":
			s.Conf = text
		}
	}
	for depth := r.Depth(); r.Child(depth); {
		if string(r.Name()) == "cpe" && len(s.CPE) < maxCPE {
			s.CPE = append(s.CPE, string(r.Text(maxText)))
		}
	}
}

func (s *script) read(r *xmlpull.Reader) {
	s.id = string(r.Attr("id"))
	output := r.Attr("output")
	s.cves = findCVEs(s.cves, output)
	s.output = string(output[:min(len(output), exposure.MaxEvidence)])
	for depth := r.Depth(); r.Depth() >= depth; {
		switch r.Next() {
		case xmlpull.None:
			return
		case xmlpull.Start:
			s.element(r)
		case xmlpull.End, xmlpull.Text:
		}
	}
}

// element reads one <table> or <elem>, however deep.
func (s *script) element(r *xmlpull.Reader) {
	key := r.Attr("key")
	if string(r.Name()) == "table" {
		s.cves = findCVEs(s.cves, key)
		return
	}
	switch string(key) {
	case "state":
		s.states = append(s.states, strings.ToUpper(string(r.Text(maxText))))
	case "title":
		if s.title == "" {
			s.title = string(r.Text(maxText))
		}
	case "cvss":
		if score, err := strconv.ParseFloat(string(r.Text(16)), 64); err == nil && score <= 10 {
			s.score = max(s.score, score)
		}
	case "is_exploit":
		s.exploit = s.exploit || string(r.Text(8)) == "true"
	}
}

const maxCVEs = 1000

// findCVEs appends the CVE numbers in a text.
func findCVEs(out []string, text []byte) []string {
	for i := 0; i+len("CVE-2000-1000") <= len(text) && len(out) < maxCVEs; i++ {
		if text[i] != 'C' || text[i+1] != 'V' || text[i+2] != 'E' || text[i+3] != '-' {
			continue
		}
		end := i + 4
		for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '-' && end == i+8) {
			end++
		}
		out = append(out, string(text[i:end]))
		i = end - 1
	}
	return out
}
