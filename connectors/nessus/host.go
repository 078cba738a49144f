package nessus

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// host is the <ReportHost> being read.
type host struct {
	d     *decoding
	name  string
	tags  map[string]string
	start time.Time
	end   time.Time

	asset    *asset.Description
	services []asset.Service
	offered  int                   // how many of the services asset already has
	targets  map[serviceKey]string // "10.0.0.3:443"; "10.0.0.3" for port 0

	pending []exposure.Finding
	byUID   map[string]int // finding's UID → its first place in pending

	scanned      bool // Nessus reported on its scan of the host
	credentialed bool
	locked       bool // credentials were given and didn't work everywhere
	dead         bool
}

type serviceKey struct {
	port     int
	protocol string
}

// Limits of what is held of one host. An item that comes more than maxPending later
// than its twin is no longer joined with it.
const (
	maxPending  = 1000
	maxServices = 4096
	maxTag      = 4 << 10
	maxTags     = 1000
)

// Plugins that tell how the scan of a host went.
const (
	pluginScanInfo     = "19506"  // "Nessus Scan Information"
	pluginPing         = "10180"  // "Ping the remote host"
	pluginLoginFailed  = "21745"  // "OS Security Patch Assessment Failed"
	pluginCredentials  = "104410" // "... Failure for Provided Credentials"
	pluginPrivileges   = "110385" // "... Insufficient Privilege"
	pluginWindowsAdmin = "24786"  // "Nessus Windows Scan Not Performed with Admin Privileges"
)

// read reads one <ReportHost>.
func (h *host) read(r *xmlpull.Reader) error {
	h.name = strings.TrimSpace(string(r.Attr("name")))
	for depth := r.Depth(); r.Child(depth); {
		switch string(r.Name()) {
		case "HostProperties":
			h.readProperties(r)
		case "ReportItem":
			h.d.item.read(r)
			if r.Err() != nil {
				break // an item that isn't whole isn't reported
			}
			if err := h.add(&h.d.item, r); err != nil {
				return err
			}
		}
	}
	// also where the body broke off: what came before is passed on
	if err := h.flush(); err != nil || r.Err() != nil {
		return err
	}
	return h.cover()
}

func (h *host) readProperties(r *xmlpull.Reader) {
	for depth := r.Depth(); r.Child(depth); {
		name := string(r.Attr("name"))
		if name == "" || len(h.tags) >= maxTags || strings.HasPrefix(name, "patch-summary-") || strings.HasPrefix(name, "pd-") {
			continue
		}
		h.tags[name] = strings.TrimSpace(string(r.Text(maxTag)))
	}
	h.start = h.time("HOST_START")
	h.end = h.time("HOST_END")
}

// time reads a host's time: seconds where the report has them, else the text, which
// names no zone.
func (h *host) time(name string) time.Time {
	const latest = 253402300799 // the last second of the year 9999
	if seconds, err := strconv.ParseInt(h.tags[name+"_TIMESTAMP"], 10, 64); err == nil && seconds > 0 && seconds <= latest {
		return time.Unix(seconds, 0).UTC()
	}
	at, err := time.ParseInLocation("Mon Jan _2 15:04:05 2006", strings.Join(strings.Fields(h.tags[name]), " "), h.d.location)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// checked is when a finding on the host was seen, as well as the report tells.
func (h *host) checked() time.Time {
	if h.end.IsZero() {
		return h.start
	}
	return h.end
}

// add takes up one item: the service it speaks of, what it says about the scan, and the
// finding. A plugin that speaks again of one port tells of one finding; its outputs are
// joined.
func (h *host) add(it *reportItem, r *xmlpull.Reader) error {
	if len(it.plugin) == 0 {
		h.d.sink.Skip("report item without a plugin", r.Position())
		return nil
	}
	h.d.items++
	h.watch(it)
	key := h.service(it)
	p := h.d.plugins.of(it)
	check := strings.TrimPrefix(p.finding.Check, "nessus:")
	uid := check + "/" + strconv.Itoa(key.port) + "/" + key.protocol
	if len(h.pending) == maxPending {
		if err := h.flush(); err != nil {
			return err
		}
	}
	f := p.finding
	f.UID, f.Target, f.LastSeen = uid, h.target(key), h.checked()
	if key.port > 0 {
		f.Location = uid[len(check)+1:] // "443/tcp"
	}
	if first, again := h.byUID[uid]; again {
		h.pending[first].Evidence = joined(h.pending[first].Evidence, it.output)
	} else {
		f.Evidence = connectors.Redact(strings.TrimSpace(string(it.output)))
		h.byUID[uid] = len(h.pending)
	}
	h.pending = append(h.pending, f)
	return nil
}

// target is the address that was scanned, as a person would type it.
func (h *host) target(key serviceKey) string {
	if target, ok := h.targets[key]; ok {
		return target
	}
	target := h.tags["host-ip"]
	if target == "" {
		target = h.name
	}
	if key.port > 0 {
		target = net.JoinHostPort(target, strconv.Itoa(key.port))
	}
	if len(h.targets) < maxServices {
		h.targets[key] = target
	}
	return target
}

// joined adds another output of the same plugin, as far as there is room.
func joined(evidence string, output []byte) string {
	more := connectors.Redact(strings.TrimSpace(string(output)))
	if more == "" || more == evidence || len(evidence)+len(more) >= exposure.MaxEvidence {
		return evidence
	}
	if evidence == "" {
		return more
	}
	return evidence + "\n\n" + more
}

// service reads port and protocol, and notes an open port. Port 0 is the host itself.
func (h *host) service(it *reportItem) serviceKey {
	number, err := strconv.ParseUint(string(it.port), 10, 16)
	if err != nil {
		number = 0
	}
	key := serviceKey{port: int(number), protocol: "tcp"}
	switch string(it.protocol) {
	case "tcp":
	case "udp":
		key.protocol = "udp"
	case "sctp":
		key.protocol = "sctp"
	default: // icmp, or nothing: about the host
		return serviceKey{protocol: "icmp"}
	}
	if _, known := h.targets[key]; known || key.port == 0 || len(h.services) >= maxServices {
		return key
	}
	name := strings.TrimSuffix(string(it.service), "?") // "www?" is a guess
	if name == "general" || name == "unknown" {
		name = ""
	}
	h.services = append(h.services, asset.Service{Port: key.port, Protocol: key.protocol, Name: name, SeenAt: h.checked()})
	return key
}

// watch reads the items that are about the scan.
func (h *host) watch(it *reportItem) {
	switch string(it.plugin) {
	case pluginScanInfo:
		h.scanned = true
		h.credentialed = h.credentialed || strings.HasPrefix(scanInfo(it.output, "Credentialed checks"), "yes")
		if version := scanInfo(it.output, "Nessus version"); version != "" && len(version) < 40 {
			h.d.tool = "Nessus " + version
		}
	case pluginPing:
		h.dead = h.dead || strings.Contains(string(it.output), "considered as dead")
	case pluginLoginFailed, pluginCredentials, pluginPrivileges, pluginWindowsAdmin:
		h.locked = true
	}
}

// scanInfo finds a line "name : value" in the scan information.
func scanInfo(output []byte, name string) string {
	for line := range strings.Lines(string(output)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// flush emits the findings that are pending.
func (h *host) flush() error {
	desc := h.describe()
	for i := range h.pending {
		finding := h.pending[i] // emitted for good, so that pending can be used again
		finding.Evidence = h.pending[h.byUID[finding.UID]].Evidence
		if err := h.d.sink.Observe(exposure.Observation{Asset: desc, Finding: &finding}); err != nil {
			return err
		}
	}
	h.pending = h.pending[:0]
	clear(h.byUID)
	return nil
}

// describe gives the asset with the services seen until now. What was emitted is never
// changed, so that a new service makes a new description.
func (h *host) describe() *asset.Description {
	if h.asset != nil && h.offered == len(h.services) {
		return h.asset
	}
	desc := asset.Description{}
	if h.asset == nil {
		desc = h.identify()
	} else {
		desc = *h.asset
	}
	h.offered = len(h.services)
	desc.Services = h.services[:h.offered:h.offered]
	h.asset = &desc
	return h.asset
}

// cover tells how the scan of the host went.
func (h *host) cover() error {
	cov := exposure.Coverage{Asset: *h.describe(), Authenticated: h.credentialed || h.tags["Credentialed_Scan"] == "true", CheckedAt: h.end}
	switch {
	case h.dead:
		cov.Outcome = exposure.TargetUnreachable
	case h.end.IsZero(), !h.scanned, h.locked:
		cov.Outcome = exposure.TargetPartial
	default:
		cov.Outcome = exposure.TargetOK
	}
	h.d.covered(h)
	return h.d.sink.Cover(cov)
}

// runKey gives what tells this host's part in the run from another's.
func (h *host) runKey() []byte {
	key := append([]byte(h.name), 0)
	key = binary.BigEndian.AppendUint64(key, uint64(h.start.Unix())) //nolint:gosec // only its bits matter
	return binary.BigEndian.AppendUint64(key, uint64(h.end.Unix()))  //nolint:gosec // likewise
}

// identify makes the description of the host out of its properties.
func (h *host) identify() asset.Description {
	names := []string{h.name, h.tags["host-fqdn"], h.tags["netbios-name"], h.tags["hostname"]}
	if _, host, ok := strings.Cut(names[2], "\\"); ok {
		names[2] = host // DOMAIN\HOST
	}
	ids := strongIdentifiers(h.tags)
	ids = append(ids, connectors.HostIdentifiers(h.d.config.Zone, names,
		[]string{h.tags["host-ip"]}, strings.Fields(h.tags["mac-address"]))...)
	desc := asset.Description{Kind: asset.Host, Name: h.name, Identifiers: ids, OS: h.tags["operating-system"], Zone: h.d.config.Zone, SeenAt: h.checked()}
	if fqdn := strings.ToLower(h.tags["host-fqdn"]); fqdn != "" && net.ParseIP(h.name) != nil {
		desc.Name = fqdn
	}
	if line, _, many := strings.Cut(desc.OS, "\n"); many {
		desc.OS = line // several guesses, best first
	}
	if len(ids) == 0 && h.name != "" {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: h.d.source, Value: h.name}}
	}
	if kind := h.tags["system-type"]; kind != "" {
		desc.Tags = map[string]string{"system-type": kind}
	}
	return desc
}

// strongIdentifiers are those that only a scan with credentials or an agent can tell.
func strongIdentifiers(tags map[string]string) []asset.Identifier {
	var ids []asset.Identifier
	first := func(names ...string) string {
		for _, name := range names {
			if tags[name] != "" {
				return tags[name]
			}
		}
		return ""
	}
	instance := first("aws-instance-instance-id", "aws-instance-instanceId", "aws-instance-id")
	account := first("aws-instance-accountId", "aws-instance-account-id")
	region := first("aws-instance-region")
	ids = append(ids, connectors.AWSInstance(account, region, instance)...)
	// Tenable marks a host with an ID of its own, in /etc/tenable_tag or the registry.
	if tag := first("TAG", "host-uuid", "agent-uuid"); uuidLike(tag) {
		ids = append(ids, asset.Identifier{Kind: asset.AgentID, Scope: "tenable", Value: plainUUID(tag)})
	}
	if bios := first("bios-uuid"); uuidLike(bios) {
		ids = append(ids, asset.Identifier{Kind: asset.BIOSUUID, Value: strings.ToLower(bios)})
	}
	if serial := first("system-serial-number", "serial-number", "system-serial"); serial != "" {
		ids = append(ids, asset.Identifier{Kind: asset.SerialNumber, Scope: strings.ToLower(first("system-manufacturer", "manufacturer")), Value: serial})
	}
	return ids
}

func plainUUID(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }

func uuidLike(s string) bool {
	raw, err := hex.DecodeString(plainUUID(s))
	return err == nil && len(raw) == 16
}
