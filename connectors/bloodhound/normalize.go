package bloodhound

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are those of BloodHound Enterprise's findings.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"active": exposure.StatusOpen, "accepted": exposure.StatusSuppressed, "remediated": exposure.StatusFixed, "deprecated": exposure.StatusArchived, "orphaned": exposure.StatusGone,
}

// directory is the scope of what Active Directory names by SID or GUID, which is its own
// everywhere.
const directory = "active_directory"

const mostEdges = 10_000 // of one asset

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	tool              string
	claimed, received int
}

// identifier is that of an object of the directory.
func identifier(id string) asset.Identifier {
	id = strings.ToUpper(connectors.Ident(id))
	if strings.HasPrefix(strings.ToLower(id), "/subscriptions/") {
		return asset.Identifier{Kind: asset.CloudResourceID, Value: strings.ToLower(id)}
	}
	return asset.Identifier{Kind: asset.SourceAssetID, Scope: directory, Value: id}
}

// kinds are the kinds of asset that objects are.
func kind(of string) asset.Kind {
	switch of {
	case "Computer":
		return asset.Host
	case "Domain", "AZTenant":
		return asset.Domain
	case "AZVM", "AZVMScaleSet", "AZKeyVault", "AZFunctionApp", "AZWebApp", "AZLogicApp", "AZContainerRegistry", "AZManagedCluster", "AZAutomationAccount", "AZResourceGroup", "AZSubscription", "AZManagementGroup":
		return asset.CloudResource
	}
	return asset.Identity
}

// wellKnown are principals that every domain has, by the end of their SID.
var wellKnown = map[string]string{ //nolint:gochecknoglobals // a constant table
	"S-1-1-0": "Everyone", "S-1-5-7": "Anonymous Logon", "S-1-5-11": "Authenticated Users", "S-1-5-4": "Interactive", "S-1-5-32-544": "Administrators", "S-1-5-32-545": "Users",
	"S-1-5-32-546": "Guests", "S-1-5-32-548": "Account Operators", "S-1-5-32-549": "Server Operators", "S-1-5-32-550": "Print Operators", "S-1-5-32-551": "Backup Operators",
	"S-1-5-32-554": "Pre-Windows 2000 Compatible Access", "S-1-5-32-555": "Remote Desktop Users", "S-1-5-9": "Enterprise Domain Controllers",
}

// known gives the name of a well-known principal: "DOMAIN-S-1-1-0" is Everyone.
func known(id string) string {
	if i := strings.Index(id, "S-1-"); i >= 0 {
		if n := wellKnown[id[i:]]; n != "" {
			return strings.Trim(n+"@"+strings.TrimSuffix(id[:i], "-"), "@")
		}
	}
	return id
}

// byDesign are the principals that have all rights in a domain, by the end of their SID.
var byDesign = []string{"-512", "-516", "-518", "-519", "S-1-5-32-544", "S-1-5-9", "S-1-5-18", "S-1-5-10", "-498"} //nolint:gochecknoglobals // a constant table

func hasByDesign(principal string) bool {
	return slices.ContainsFunc(byDesign, func(end string) bool { return strings.HasSuffix(principal, end) })
}

// tagged are the properties that become tags.
var tagged = []string{ //nolint:gochecknoglobals // a constant table
	"domain", "enabled", "admincount", "hasspn", "dontreqpreauth", "passwordnotreqd", "pwdneverexpires", "unconstraineddelegation", "trustedtoauth", "sensitive", "haslaps", "isdc",
	"highvalue", "system_tags", "functionallevel", "title", "email", "displayname", "smbsigning", "webclientrunning",
}

// object tells of an object and of what leads to it.
func (d *decoding) object(e *report.Emitter, o *object) error {
	if o.kind == "" {
		e.Skip("directory_object_of_no_asset_kind")
		return nil
	}
	a := &asset.Description{
		Kind: kind(o.kind), Name: cmp.Or(connectors.Ident(o.property("name")), known(strings.ToUpper(o.ID.String()))), Zone: d.config.Zone,
		OS: o.property("operatingsystem"), Gone: bool(o.Deleted), Identifiers: []asset.Identifier{identifier(o.ID.String())}, Tags: map[string]string{},
	}
	for _, key := range tagged {
		if v := o.property(key); v != "" {
			a.Tags[key] = v
		}
	}
	switch o.kind {
	case "Computer":
		sam := strings.TrimSuffix(o.property("samaccountname"), "$")
		a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{o.property("name"), sam}, nil, nil)...)
	case "Domain":
		a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{o.property("name")}, nil, nil)...)
	}
	a.Edges = edges(o)
	if err := e.Asset(a); err != nil {
		return err
	}
	return d.leading(e, o, a)
}

// edges are the relations that begin at an object.
func edges(o *object) []asset.Edge {
	var out []asset.Edge
	add := func(k asset.EdgeKind, id, of, note string) {
		if id == "" || len(out) >= mostEdges {
			return
		}
		edge := asset.Edge{Kind: k, To: identifier(id), ToKind: kind(of), ToName: known(strings.ToUpper(id)), Note: note}
		if !slices.Contains(out, edge) {
			out = append(out, edge)
		}
	}
	if sid := cmp.Or(o.property("domainsid"), o.DomainSID.String()); o.kind != "Domain" && sid != "" {
		add(asset.EdgePartOf, sid, "Domain", "")
	}
	add(asset.EdgeMemberOf, o.PrimaryGroup.String(), "Group", "primary group")
	for _, list := range []struct {
		refs wire.List[reference]
		note string
	}{{o.AllowedToDelegate, "AllowedToDelegate"}, {o.HasSIDHistory, "HasSIDHistory"}, {o.DumpSMSAPassword, "DumpSMSAPassword"}} {
		for _, ref := range list.refs {
			add(asset.EdgeCanAccess, ref.ID.String(), ref.Type.String(), list.note)
		}
	}
	for _, s := range []sessions{o.Sessions, o.PrivilegedSessions, o.RegistrySessions} {
		for _, one := range s.Results {
			add(asset.EdgeCanAccess, one.User.String(), "User", "HasSession")
		}
	}
	for _, t := range o.SPNTargets {
		add(asset.EdgeCanAccess, t.Computer.String(), "Computer", t.Service.String()+" "+strconv.Itoa(t.Port.Int()))
	}
	for _, t := range o.Trusts {
		if dir := t.Direction.String(); dir == "Inbound" || dir == "Bidirectional" || dir == "1" || dir == "3" { // theirs trust ours
			add(asset.EdgeCanAccess, t.SID.String(), "Domain", "trusted by "+t.Name.String())
		}
	}
	return out
}

// way is what one principal may do with an object.
type way struct {
	of     string // its kind
	member bool
	notes  []string // names of rights
}

// ways are what principals may do with an object, by their ID.
type ways map[string]*way

func (w ways) to(id, of string) *way {
	id = strings.ToUpper(id)
	if w[id] == nil {
		w[id] = &way{of: of}
	}
	return w[id]
}

// right notes a right, unless it is one that the principal has by design.
func (w ways) right(id, of, note string) {
	if id == "" || hasByDesign(strings.ToUpper(id)) {
		return
	}
	if x := w.to(id, of); !slices.Contains(x.notes, note) {
		x.notes = append(x.notes, note)
	}
}

func (w ways) rights(refs wire.List[reference], note string) {
	for _, ref := range refs {
		w.right(ref.ID.String(), ref.Type.String(), note)
	}
}

// waysTo are all relations that lead to an object.
func waysTo(o *object) ways {
	w := ways{}
	for _, m := range o.Members {
		if m.ID != "" {
			w.to(m.ID.String(), m.Type.String()).member = true
		}
	}
	for _, x := range o.Aces {
		w.right(x.Principal.String(), x.Type.String(), x.Right.String())
	}
	w.rights(o.AllowedToAct, "AllowedToAct")
	for _, g := range o.LocalGroups {
		w.rights(g.Results, localRight(g.ID.String(), g.Name.String()))
	}
	for _, u := range o.UserRights {
		w.rights(u.Results, u.Privilege.String())
	}
	w.rights(o.LocalAdmins.Results, "AdminTo")
	w.rights(o.RemoteDesktopUsers.Results, "CanRDP")
	w.rights(o.DcomUsers.Results, "ExecuteDCOM")
	w.rights(o.PSRemoteUsers.Results, "CanPSRemote")
	return w
}

// leading tells of the principals from which relations lead to an object: one description
// for each, with all that it may do.
func (d *decoding) leading(e *report.Emitter, o *object, a *asset.Description) error {
	all := waysTo(o)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		w := all[id]
		slices.Sort(w.notes)
		from := d.principal(id, "", w.of)
		if w.member {
			from.Edges = append(from.Edges, asset.Edge{Kind: asset.EdgeMemberOf, To: a.Identifiers[0], ToKind: a.Kind, ToName: a.Name})
		}
		if len(w.notes) > 0 {
			from.Edges = append(from.Edges, asset.Edge{Kind: asset.EdgeCanAccess, To: a.Identifiers[0], ToKind: a.Kind, ToName: a.Name, Note: strings.Join(w.notes, ", ")})
		}
		if err := e.Asset(from); err != nil {
			return err
		}
	}
	return nil
}

// localRight is what membership in a local group allows, by the group's well-known number.
func localRight(id, name string) string {
	for end, right := range map[string]string{"-544": "AdminTo", "-555": "CanRDP", "-562": "ExecuteDCOM", "-580": "CanPSRemote"} {
		if strings.HasSuffix(id, end) {
			return right
		}
	}
	group, _, _ := strings.Cut(name, "@")
	return "local group " + connectors.Ident(group)
}

// principal describes an object of which no more is known than who it is.
func (d *decoding) principal(id, name, of string) *asset.Description {
	a := &asset.Description{Kind: kind(of), Name: cmp.Or(connectors.Ident(name), known(strings.ToUpper(connectors.Ident(id)))), Zone: d.config.Zone, Identifiers: []asset.Identifier{identifier(id)}}
	if of == "Computer" && name != "" {
		a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{name}, nil, nil)...)
	}
	return a
}

// finding emits a finding of BloodHound Enterprise on its target, and how its source gets
// there.
func (d *decoding) finding(e *report.Emitter, f *finding, raw []byte) error {
	if f.TargetID == "" || f.Finding == "" {
		e.Skip("finding_without_target")
		return nil
	}
	target := d.principal(f.TargetID.String(), f.TargetName.String(), f.TargetKind.String())
	if err := e.Cover(exposure.Coverage{Asset: *target, Outcome: exposure.TargetOK}); err != nil {
		return err
	}
	if f.SourceID != "" {
		source := d.principal(f.SourceID.String(), f.SourceName.String(), f.SourceKind.String())
		if f.Status == "active" || f.Status == "accepted" || f.Status == "" {
			source.Edges = []asset.Edge{{Kind: asset.EdgeCanAccess, To: target.Identifiers[0], ToKind: target.Kind, ToName: target.Name, Note: f.Finding.String()}}
		}
		if err := e.Asset(source); err != nil {
			return err
		}
	}
	check := Name + ":" + connectors.Ident(f.Finding.String())
	location := connectors.Ident(strings.ToUpper(f.SourceID.String()))
	title := cmp.Or(f.Title.String(), f.Finding.String())
	if f.SourceName != "" {
		title += ": " + f.SourceName.String()
	}
	out := &exposure.Finding{
		UID: connectors.UID(check, connectors.Ident(f.EnvironmentID.String()), location), Connector: Name, Class: exposure.ClassVulnerability, Check: check, Title: title,
		Severity: connectors.Severity(f.Severity.String()), RawSeverity: f.Severity.String(), Location: location, Status: statuses.Of(f.Status.String()),
		FirstSeen: f.FirstSeen.Time, LastSeen: f.LastSeen.Time,
	}
	if out.Status != exposure.StatusOpen {
		out.StatusNote = f.Status.String()
	}
	if f.SourceName != "" {
		out.Description = f.SourceName.String() + " (" + f.SourceKind.String() + ") has " + f.Finding.String() + " on " + f.TargetName.String() + " (" + f.TargetKind.String() + ") in " + f.EnvironmentName.String() + "."
	}
	out.Vendor = wire.Rest(raw, "severity", "finding", "title", "status", "first_seen", "last_seen", "target_principal_id", "target_principal_kind", "target_principal_name",
		"Severity", "Finding", "created_at", "updated_at")
	return e.Observe(target, out)
}

// describeRun says what is known of the run once the document is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Targets: e.Assets, Tool: cmp.Or(d.tool, "BloodHound"), Counts: map[string]int{"received": d.received},
		Why: "a collection says what is in a directory, not what is weak in it",
	}
	if d.claimed >= 0 {
		run.Counts["claimed"] = d.claimed
	}
	run.ID = connectors.RunID(Name, run.Started, run.Finished, d.tool, strconv.Itoa(d.received), strconv.Itoa(e.Assets), strconv.Itoa(e.Findings))
	if e.Findings > 0 || e.Assets == 0 {
		run.Why = connectors.OnePage
	}
	return run
}
