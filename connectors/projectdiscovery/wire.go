package projectdiscovery

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// text is what the tools write as a text.
type text = wire.Text

// line is a line of any of the tools; which one shows by the fields that it has.
type line struct {
	Host      text       `json:"host"` // a name; of httpx, in newer versions, the address
	HostIP    text       `json:"host_ip"`
	IP        text       `json:"ip"`
	Input     text       `json:"input"`
	Source    text       `json:"source"`
	Sources   wire.Texts `json:"sources"`
	Port      port       `json:"port"`
	Protocol  text       `json:"protocol"`
	URL       text       `json:"url"`
	Scheme    text       `json:"scheme"`
	WebServer text       `json:"webserver"`
	Title     text       `json:"title"`
	Tech      wire.Texts `json:"tech"`
	A         wire.Texts `json:"a"`
	AAAA      wire.Texts `json:"aaaa"`
	CNAME     wire.Texts `json:"cname"`
	CDN       wire.Flag  `json:"cdn"`
	CDNName   text       `json:"cdn_name"`
	Failed    wire.Flag  `json:"failed"`
	Status    text       `json:"status_code"` // of dnsx: NOERROR, NXDOMAIN
	Resolver  wire.Texts `json:"resolver"`
	TLS       anything   `json:"tls"` // of naabu a flag, of httpx an object
	SubjectCN text       `json:"subject_cn"`
	Version   text       `json:"tls_version"`
	Template  text       `json:"template-id"`
	Timestamp wire.Time  `json:"timestamp"`
}

// anything keeps whether a value says yes: true, or an object.
type anything bool

// UnmarshalJSON implements json.Unmarshaler.
func (a *anything) UnmarshalJSON(b []byte) error {
	var f wire.Flag
	_ = json.Unmarshal(b, &f) // a flag takes everything
	*a = anything(f) || len(b) > 0 && b[0] == '{'
	return nil
}

// port is a number, or an object that holds one.
type port int

// UnmarshalJSON implements json.Unmarshaler.
func (p *port) UnmarshalJSON(b []byte) error {
	var n wire.Number
	var o struct {
		Port wire.Number `json:"Port"`
	}
	if json.Unmarshal(b, &n) != nil || !n.OK {
		wire.Unmarshal(b, &o)
		n = o.Port
	}
	*p = 0
	if n.Value >= 1 && n.Value <= 65535 {
		*p = port(n.Value)
	}
	return nil
}
