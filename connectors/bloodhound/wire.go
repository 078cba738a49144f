package bloodhound

import (
	"bytes"
	"encoding/json"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is taken over from a document.
const (
	largestObject = 256 << 20 // a group of a million members
	largestOther  = 4 << 20
)

// reference is an object named by another.
type reference struct {
	ID   wire.Text `json:"ObjectIdentifier"`
	Type wire.Text `json:"ObjectType"`
}

// ace is a right on an object.
type ace struct {
	Principal wire.Text `json:"PrincipalSID"`
	Type      wire.Text `json:"PrincipalType"`
	Right     wire.Text `json:"RightName"`
}

// found is a list that SharpHound may have failed to collect.
type found struct {
	Results wire.List[reference] `json:"Results"`
}

// sessions are of users on a computer.
type sessions struct {
	Results wire.List[struct {
		User     wire.Text `json:"UserSID"`
		Computer wire.Text `json:"ComputerSID"`
	}] `json:"Results"`
}

// object is one element of a SharpHound file, of any kind, or of an AzureHound file.
type object struct {
	ID                 wire.Text                  `json:"ObjectIdentifier"`
	Deleted            wire.Flag                  `json:"IsDeleted"`
	Properties         map[string]json.RawMessage `json:"Properties"`
	PrimaryGroup       wire.Text                  `json:"PrimaryGroupSID"`
	DomainSID          wire.Text                  `json:"DomainSID"`
	Aces               wire.List[ace]             `json:"Aces"`
	Members            wire.List[reference]       `json:"Members"`
	AllowedToDelegate  wire.List[reference]       `json:"AllowedToDelegate"`
	AllowedToAct       wire.List[reference]       `json:"AllowedToAct"`
	HasSIDHistory      wire.List[reference]       `json:"HasSIDHistory"`
	DumpSMSAPassword   wire.List[reference]       `json:"DumpSMSAPassword"`
	Sessions           sessions                   `json:"Sessions"`
	PrivilegedSessions sessions                   `json:"PrivilegedSessions"`
	RegistrySessions   sessions                   `json:"RegistrySessions"`
	LocalGroups        wire.List[struct {
		ID      wire.Text            `json:"ObjectIdentifier"`
		Name    wire.Text            `json:"Name"`
		Results wire.List[reference] `json:"Results"`
	}] `json:"LocalGroups"`
	UserRights wire.List[struct {
		Privilege wire.Text            `json:"Privilege"`
		Results   wire.List[reference] `json:"Results"`
	}] `json:"UserRights"`
	// What version 5 and older have in place of local groups.
	LocalAdmins        found `json:"LocalAdmins"`
	RemoteDesktopUsers found `json:"RemoteDesktopUsers"`
	DcomUsers          found `json:"DcomUsers"`
	PSRemoteUsers      found `json:"PSRemoteUsers"`
	SPNTargets         wire.List[struct {
		Computer wire.Text   `json:"ComputerSID"`
		Port     wire.Number `json:"Port"`
		Service  wire.Text   `json:"Service"`
	}] `json:"SPNTargets"`
	Trusts wire.List[struct {
		SID       wire.Text `json:"TargetDomainSid"`
		Name      wire.Text `json:"TargetDomainName"`
		Direction wire.Text `json:"TrustDirection"`
		Type      wire.Text `json:"TrustType"`
	}] `json:"Trusts"`
	// AzureHound's own.
	Kind wire.Text       `json:"kind"`
	Data json.RawMessage `json:"data"`
	kind string
}

// kindOf tells what an element is by what only such have, as the file's meta may come
// behind it.
func kindOf(raw []byte) string {
	for _, mark := range []struct{ field, kind string }{
		{`"SPNTargets"`, "User"}, {`"Sessions"`, "Computer"}, {`"Members"`, "Group"}, {`"Trusts"`, "Domain"},
	} {
		if bytes.Contains(raw, []byte(mark.field)) {
			return mark.kind
		}
	}
	return ""
}

// property is a property as text.
func (o *object) property(name string) string {
	var t wire.Text
	_ = t.UnmarshalJSON(o.Properties[name]) // never fails
	return t.String()
}

// node and relation are those of an OpenGraph.
type node struct {
	ID         wire.Text                  `json:"id"`
	Kinds      wire.Texts                 `json:"kinds"`
	Properties map[string]json.RawMessage `json:"properties"`
}

type endpoint struct {
	Value   wire.Text `json:"value"`
	MatchBy wire.Text `json:"match_by"`
	Kind    wire.Text `json:"kind"`
}

type relation struct {
	Kind  wire.Text `json:"kind"`
	Start endpoint  `json:"start"`
	End   endpoint  `json:"end"`
}

// finding is an attack-path finding, of the list of all (2026), or of a domain's details.
type finding struct {
	Severity        wire.Text `json:"severity"`
	Type            wire.Text `json:"finding_type"`
	Finding         wire.Text `json:"finding"`
	Title           wire.Text `json:"title"`
	Platform        wire.Text `json:"platform"`
	EnvironmentID   wire.Text `json:"environment_id"`
	EnvironmentName wire.Text `json:"environment_name"`
	Zone            wire.Text `json:"zone_name"`
	SourceID        wire.Text `json:"source_principal_id"`
	SourceKind      wire.Text `json:"source_principal_kind"`
	SourceName      wire.Text `json:"source_principal_name"`
	TargetID        wire.Text `json:"target_principal_id"`
	TargetKind      wire.Text `json:"target_principal_kind"`
	TargetName      wire.Text `json:"target_principal_name"`
	Status          wire.Text `json:"status"`
	FirstSeen       wire.Time `json:"first_seen"`
	LastSeen        wire.Time `json:"last_seen"`
}

// details is a finding of a domain's details.
type details struct {
	Severity      wire.Text      `json:"Severity"`
	Finding       wire.Text      `json:"Finding"`
	DomainSID     wire.Text      `json:"DomainSID"`
	Principal     wire.Text      `json:"Principal"`
	PrincipalKind wire.Text      `json:"PrincipalKind"`
	Props         map[string]any `json:"Props"`
	From          wire.Text      `json:"FromPrincipal"`
	FromKind      wire.Text      `json:"FromPrincipalKind"`
	FromProps     map[string]any `json:"FromPrincipalProps"`
	To            wire.Text      `json:"ToPrincipal"`
	ToKind        wire.Text      `json:"ToPrincipalKind"`
	ToProps       map[string]any `json:"ToPrincipalProps"`
	Accepted      wire.Flag      `json:"Accepted"`
	CreatedAt     wire.Time      `json:"created_at"`
	UpdatedAt     wire.Time      `json:"updated_at"`
}

// common gives details as a finding of the list.
func (d *details) common() *finding {
	f := &finding{
		Severity: d.Severity, Finding: d.Finding, EnvironmentID: d.DomainSID, SourceID: d.From, SourceKind: d.FromKind, SourceName: name(d.FromProps),
		TargetID: d.To, TargetKind: d.ToKind, TargetName: name(d.ToProps), FirstSeen: d.CreatedAt, LastSeen: d.UpdatedAt, Type: "relationship", Status: "active",
	}
	if d.To == "" {
		f.TargetID, f.TargetKind, f.TargetName, f.Type = d.Principal, d.PrincipalKind, name(d.Props), "list"
	}
	if d.Accepted {
		f.Status = "accepted"
	}
	return f
}

func name(props map[string]any) wire.Text {
	s, _ := props["name"].(string)
	return wire.Text(s)
}

// document reads one document of any of the formats.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a document is an object")
		return nil
	}
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "data":
			known = known || r.Kind() == jsonpull.Array
			for a := r.Array(); r.Elem(a); {
				if err := d.element(e, r); err != nil {
					return err
				}
			}
		case "meta":
			var meta struct {
				Count   wire.Number `json:"count"`
				Version wire.Text   `json:"version"`
				Type    wire.Text   `json:"type"`
				Tool    wire.Text   `json:"collectorversion"`
			}
			if _, ok := r.Into(largestOther, &meta); ok {
				d.meta(meta.Count, meta.Version.String(), meta.Tool.String())
			}
		case "count":
			if n, ok := r.Int(); ok {
				d.claimed = max(d.claimed, 0) + n
			}
		case "graph":
			known = true
			return d.graph(e, r)
		}
		return nil
	})
	if err == nil && r.OK() && !known {
		r.Fail("there is neither data nor a graph in it: this is something else")
	}
	return err
}

func (d *decoding) meta(count wire.Number, version, tool string) {
	if count.OK {
		d.claimed = max(d.claimed, 0) + count.Int()
	}
	switch {
	case tool != "":
		d.tool = "SharpHound " + tool
	case version != "" && d.tool == "":
		d.tool = "SharpHound format " + version
	}
}

// element reads one element of data: of a collection, or a finding.
func (d *decoding) element(e *report.Emitter, r *jsonpull.Reader) error {
	raw := r.Raw(largestObject)
	if !r.OK() { // half an element is none
		return nil
	}
	d.received++
	var which struct {
		ID     wire.Text       `json:"ObjectIdentifier"`
		Target wire.Text       `json:"target_principal_id"`
		Domain wire.Text       `json:"DomainSID"`
		Find   wire.Text       `json:"Finding"`
		Kind   wire.Text       `json:"kind"`
		Data   json.RawMessage `json:"data"`
	}
	switch {
	case raw == nil || !wire.Unmarshal(raw, &which):
		e.Skip("element_too_large_or_no_object")
		return nil
	case which.ID != "":
		o := &object{kind: kindOf(raw)}
		wire.Unmarshal(raw, o)
		return d.object(e, o)
	case which.Target != "":
		f := &finding{}
		wire.Unmarshal(raw, f)
		return d.finding(e, f, raw)
	case which.Find != "":
		x := &details{}
		wire.Unmarshal(raw, x)
		return d.finding(e, x.common(), raw)
	case which.Kind != "" && len(which.Data) > 0:
		return d.azure(e, which.Kind.String(), which.Data)
	}
	e.Skip("element_without_id")
	return nil
}
