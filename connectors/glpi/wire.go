package glpi

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// Limits of what is held at once and of what a compressed body may come to.
const (
	largestPart   = 8 << 20
	largestPlain  = 256 << 20
	mostPorts     = 4096
	mostMachines  = 4096
	mostEquipment = 10_000
)

var contactAction = regexp.MustCompile(`"action"\s*:\s*"(?:contact|prolog)"`)

// inventory is what is read of a machine, from XML and JSON alike.
type inventory struct {
	hardware  hardware
	bios      bios
	os        system
	ports     []port
	users     []string
	machines  []machine
	equipment []equipment
	tag       string
	logDate   string
	agent     string
}

type hardware struct {
	Name      wire.Text `json:"name"`
	UUID      wire.Text `json:"uuid"`
	Chassis   wire.Text `json:"chassis_type"`
	VMSystem  wire.Text `json:"vmsystem"`
	Workgroup wire.Text `json:"workgroup"`
	LastUser  wire.Text `json:"lastloggeduser"`
	Owner     wire.Text `json:"winowner"`
	Company   wire.Text `json:"wincompany"`
	OldOS     wire.Text `json:"osname"`
}

type bios struct {
	Serial       wire.Text `json:"ssn"`
	Manufacturer wire.Text `json:"smanufacturer"`
	Model        wire.Text `json:"smodel"`
	AssetTag     wire.Text `json:"assettag"`
	Version      wire.Text `json:"bversion"`
}

type system struct {
	FullName wire.Text `json:"full_name"`
	Name     wire.Text `json:"name"`
	Version  wire.Text `json:"version"`
	FQDN     wire.Text `json:"fqdn"`
	Domain   wire.Text `json:"dns_domain"`
	Kernel   wire.Text `json:"kernel_version"`
	Zone     struct {
		Offset wire.Text `json:"offset"`
	} `json:"timezone"`
}

type port struct {
	MAC     wire.Text `json:"mac"`
	OldMAC  wire.Text `json:"macaddr"`
	IP      wire.Text `json:"ipaddress"`
	IP6     wire.Text `json:"ipaddress6"`
	Type    wire.Text `json:"type"`
	Virtual wire.Flag `json:"virtualdev"`
}

type machine struct {
	Name   wire.Text `json:"name"`
	UUID   wire.Text `json:"uuid"`
	Status wire.Text `json:"status"`
	Kind   wire.Text `json:"vmtype"`
}

// equipment is a device that an agent has asked over SNMP.
type equipment struct {
	Name         wire.Text  `json:"name"`
	MAC          wire.Text  `json:"mac"`
	Serial       wire.Text  `json:"serial"`
	IPs          wire.Texts `json:"ips"`
	Manufacturer wire.Text  `json:"manufacturer"`
	Model        wire.Text  `json:"model"`
	Contact      wire.Text  `json:"contact"`
	Location     wire.Text  `json:"location"`
	Firmware     wire.Text  `json:"firmware"`
	Type         wire.Text  `json:"type"`
}

// fromXML adds a child of CONTENT.
func (inv *inventory) fromXML(n *xmlpull.Node) {
	text := func(path string) wire.Text { return wire.Text(n.Get(path)) }
	switch n.Name {
	case "HARDWARE":
		inv.hardware = hardware{text("NAME"), text("UUID"), text("CHASSIS_TYPE"), text("VMSYSTEM"), text("WORKGROUP"), text("LASTLOGGEDUSER"), text("WINOWNER"), text("WINCOMPANY"), text("OSNAME")}
	case "BIOS":
		inv.bios = bios{text("SSN"), text("SMANUFACTURER"), text("SMODEL"), text("ASSETTAG"), text("BVERSION")}
	case "OPERATINGSYSTEM":
		inv.os = system{FullName: text("FULL_NAME"), Name: text("NAME"), Version: text("VERSION"), FQDN: text("FQDN"), Domain: text("DNS_DOMAIN"), Kernel: text("KERNEL_VERSION")}
		inv.os.Zone.Offset = text("TIMEZONE/OFFSET")
	case "NETWORKS":
		if len(inv.ports) < mostPorts {
			virtual := n.Get("VIRTUALDEV")
			inv.ports = append(inv.ports, port{MAC: text("MACADDR"), IP: text("IPADDRESS"), IP6: text("IPADDRESS6"), Type: text("TYPE"), Virtual: wire.Flag(virtual == "1" || virtual == "true")})
		}
	case "USERS":
		if len(inv.users) < mostPorts {
			inv.users = append(inv.users, n.Get("LOGIN"))
		}
	case "VIRTUALMACHINES":
		if len(inv.machines) < mostMachines {
			inv.machines = append(inv.machines, machine{text("NAME"), text("UUID"), text("STATUS"), text("VMTYPE")})
		}
	case "ACCOUNTINFO":
		if strings.EqualFold(n.Get("KEYNAME"), "TAG") {
			inv.tag = n.Get("KEYVALUE")
		}
	case "ACCESSLOG":
		inv.logDate = n.Get("LOGDATE")
	case "VERSIONCLIENT":
		inv.agent = n.Text
	case "DEVICE":
		if info := n.At("INFO"); info != nil && len(inv.equipment) < mostEquipment {
			of := func(path string) wire.Text { return wire.Text(info.Get(path)) }
			inv.equipment = append(inv.equipment, equipment{of("NAME"), of("MAC"), of("SERIAL"), info.Gets("IPS/IP"), of("MANUFACTURER"), of("MODEL"), of("CONTACT"), of("LOCATION"), of("FIRMWARE"), of("TYPE")})
		}
	}
}

// inflated gives a body without its compression: agents send zlib, and gzip or nothing as
// they are told. What is wrong with the compression is a syntax error; what is wrong with
// the body stays what it is.
func inflated(body io.Reader) (io.Reader, bool) {
	source := &tracked{r: body}
	br := bufio.NewReader(source)
	head, _ := br.Peek(2) //nolint:mnd // an error comes again when it is read
	if len(head) < 2 {
		return br, false
	}
	var plain io.Reader
	var err error
	switch {
	case head[0] == 0x1f && head[1] == 0x8b: // RFC 1952
		plain, err = gzip.NewReader(br)
	case head[0] == 0x78 && (int(head[0])<<8+int(head[1]))%31 == 0: // RFC 1950, section 2.2
		plain, err = zlib.NewReader(br)
	default:
		return br, false
	}
	if err != nil {
		return &unpacked{source: source, r: failing{err}}, true
	}
	return &unpacked{source: source, r: plain, left: largestPlain}, true
}

// tracked remembers how the body itself ended.
type tracked struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err //nolint:wrapcheck // it is the body's own
}

// unpacked is a decompressed body.
type unpacked struct {
	source *tracked
	r      io.Reader
	left   int64
}

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.left -= int64(n)
	switch {
	case u.source.err != nil:
		return n, u.source.err
	case err != nil && !errors.Is(err, io.EOF):
		return n, syntax(fmt.Errorf("its compression is broken: %w", err))
	case u.left < 0 && n > 0:
		return n, syntax(fmt.Errorf("it is larger than %d bytes", int64(largestPlain)))
	}
	return n, err
}

// failing is a reader that has gone wrong.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

func syntax(err error) error {
	return &connectors.SyntaxError{Position: connectors.Position{Line: 1}, Format: format, Err: err}
}
