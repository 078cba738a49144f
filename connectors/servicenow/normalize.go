package servicenow

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// The tables that are more than configuration items. tableCI stands for all of those.
const (
	tableCI         = "cmdb_ci"
	tableUser       = "sys_user"
	tableGroup      = "sys_user_group"
	tableMember     = "sys_user_grmember"
	tableRelation   = "cmdb_rel_ci"
	tableVulnerable = "sn_vul_vulnerable_item"
)

// ownerColumns name people and groups that answer for an item. Those of people have a
// mail address behind them.
var ownerColumns = []string{ //nolint:gochecknoglobals // a constant table
	"support_group", "assignment_group", "managed_by_group", "change_control", "owned_by", "managed_by", "assigned_to", "supported_by",
	"business_unit", "department", "cost_center", "company",
}

// personColumns are those of ownerColumns that are users.
var personColumns = []string{"owned_by", "managed_by", "assigned_to", "supported_by"} //nolint:gochecknoglobals // a constant table

// tagColumns become tags under their own name.
var tagColumns = []string{ //nolint:gochecknoglobals // a constant table
	"sys_class_name", "asset_tag", "environment", "used_for", "classification", "category", "subcategory", "location", "business_criticality", "busines_criticality", //nolint:misspell // the column's own name
	"manufacturer", "model_id", "model_number", "firewall_status", "discovery_source", "operational_status", "install_status", "hardware_status", "life_cycle_stage",
	"attestation_status", "virtual", "correlation_id", "short_description", "object_id", "dns_domain", "os_domain",
}

// assetKinds are the kinds that a class can be mapped to.
var assetKinds = []asset.Kind{ //nolint:gochecknoglobals // a constant table
	asset.Host, asset.CloudResource, asset.WebApplication, asset.API, asset.ContainerImage, asset.Repository, asset.SaaSApplication, asset.Domain, asset.Identity,
}

// classKinds says what kind of asset a class is, for the classes that ServiceNow
// delivers; those below them follow by the class tree.
var classKinds = map[string]asset.Kind{ //nolint:gochecknoglobals // a constant table
	"cmdb_ci_hardware": asset.Host, "cmdb_ci_computer": asset.Host, "cmdb_ci_server": asset.Host, "cmdb_ci_win_server": asset.Host, "cmdb_ci_linux_server": asset.Host,
	"cmdb_ci_unix_server": asset.Host, "cmdb_ci_aix_server": asset.Host, "cmdb_ci_esx_server": asset.Host, "cmdb_ci_netgear": asset.Host, "cmdb_ci_ip_router": asset.Host,
	"cmdb_ci_ip_switch": asset.Host, "cmdb_ci_ip_firewall": asset.Host, "cmdb_ci_vm_instance": asset.Host, "cmdb_ci_pc_hardware": asset.Host, "cmdb_ci_printer": asset.Host,
	"cmdb_ci_storage_device": asset.Host, "cmdb_ci_ot": asset.Host, "cmdb_ci_vm_object": asset.CloudResource, "cmdb_ci_cloud_service_account": asset.CloudResource,
	"cmdb_ci_cloud_database": asset.CloudResource, "cmdb_ci_cloud_load_balancer": asset.CloudResource, "cmdb_ci_cloud_object_storage": asset.CloudResource,
	"cmdb_ci_kubernetes_cluster": asset.CloudResource, "cmdb_ci_db_instance": asset.CloudResource, "cmdb_ci_lb": asset.CloudResource,
	"cmdb_ci_appl": asset.WebApplication, "cmdb_ci_service": asset.WebApplication, "cmdb_ci_service_auto": asset.WebApplication, "cmdb_ci_business_app": asset.WebApplication,
	"cmdb_ci_web_site": asset.WebApplication, "cmdb_ci_web_service": asset.API, "cmdb_ci_api": asset.API, "cmdb_ci_endpoint": asset.API,
	"cmdb_ci_docker_image": asset.ContainerImage, "cmdb_ci_dns_name": asset.Domain,
}

// retired are the words and the delivered numbers of the two status columns that say that
// an item is there no more. "Absent" and "stolen" are not among them: discovery missed the
// one, and the other still runs somewhere.
var retired = map[string][]string{ //nolint:gochecknoglobals // a constant table
	"operational_status": {"6", "retired"},
	"install_status":     {"7", "retired"},
}

// kindOf follows the class tree up to a class that is known.
func (d *decoding) kindOf(class string) (asset.Kind, bool) {
	lineage := d.lineage
	if class != "" {
		lineage = append([]string{class}, d.lineage...) // a class below the table is what the table is
	}
	for _, c := range append(lineage, d.table) {
		if kind, ok := d.config.Kinds[c]; ok {
			return asset.Kind(kind), true
		}
		if kind, ok := classKinds[c]; ok {
			return kind, true
		}
	}
	return "", false
}

// item describes a configuration item.
func (d *decoding) item(rec record) *asset.Description {
	class := rec.value("sys_class_name")
	names := []string{rec.get("fqdn"), rec.get("host_name")}
	kind, known := d.kindOf(class)
	if kind == asset.Host || !known {
		names = append(names, rec.get("name"), joined(rec.get("name"), rec.get("dns_domain")))
	}
	hostIDs := connectors.HostIdentifiers(d.config.Zone, names, list(rec.get("ip_address")), list(rec.get("mac_address")))
	if !known { // a class that nobody mapped: what has an address is a host
		kind = asset.CloudResource
		if rec.get("ip_address") != "" || rec.get("mac_address") != "" || rec.get("serial_number") != "" || rec.get("fqdn") != "" {
			kind = asset.Host
		}
	}
	a := &asset.Description{
		Kind:        kind,
		Name:        cmp.Or(rec.get("name"), rec.get("fqdn"), rec.get("host_name"), rec.value("sys_id")),
		Zone:        d.config.Zone,
		OS:          join(rec.get("os"), rec.get("os_version")),
		Tags:        rec.tags(slices.Concat(tagColumns, d.config.TagFields)),
		OwnerHints:  d.hints(rec),
		SeenAt:      latest(rec.when("last_discovered"), rec.when("sys_updated_on")),
		Identifiers: append(itemIDs(rec), hostIDs...),
		Gone:        isRetired(rec),
	}
	if class != "" {
		a.Tags["sys_class_name"] = class
	}
	if rec.value("internet_facing") == "true" { // the column's default is false, which proves nothing
		a.Internet = asset.InternetYes
	}
	if other := rec.value("duplicate_of"); other != "" {
		a.SameAs = []asset.Identifier{{Kind: asset.SourceAssetID, Value: other}}
	}
	return a
}

// itemIDs are the identifiers of an item that don't depend on a network.
func itemIDs(rec record) []asset.Identifier {
	var ids []asset.Identifier
	object := rec.get("object_id")
	switch {
	case strings.HasPrefix(object, "arn:"), strings.HasPrefix(object, "//"), strings.HasPrefix(strings.ToLower(object), "/subscriptions/"):
		ids = cloud.Describe(cloud.Resource{ID: object}).Identifiers
	}
	ids = append(ids, asset.Identifier{Kind: asset.SourceAssetID, Value: rec.value("sys_id")})
	if uuid := cmp.Or(rec.get("bios_uuid"), rec.get("vm_inst_id.bios_uuid")); uuid != "" {
		ids = append(ids, asset.Identifier{Kind: asset.BIOSUUID, Value: uuid})
	}
	if serial := rec.get("serial_number"); serial != "" {
		maker := strings.ToLower(rec["manufacturer"].Display) // a sys_id is no maker's name
		ids = append(ids, asset.Identifier{Kind: asset.SerialNumber, Scope: strings.ReplaceAll(maker, "|", " "), Value: serial})
	}
	return ids
}

func isRetired(rec record) bool {
	for column, words := range retired {
		f := rec[column]
		for _, word := range words {
			if strings.EqualFold(f.Value, word) || strings.EqualFold(f.Display, word) {
				return true
			}
		}
	}
	return false
}

// hints are the clues to the owner of an item or vulnerable item.
func (d *decoding) hints(rec record) []asset.OwnerHint {
	var out []asset.OwnerHint
	add := func(from, value string) {
		if value != "" {
			out = append(out, asset.OwnerHint{Value: value, From: from})
		}
	}
	for _, column := range slices.Concat(ownerColumns, d.config.OwnerFields) {
		add(column, rec.get(column))
		add(column+" email", rec.get(column+".email"))
	}
	return out
}

// user describes a person of sys_user.
func (d *decoding) user(rec record) *asset.Description {
	a := identity(rec.value("sys_id"), cmp.Or(rec.get("name"), join(rec.get("first_name"), rec.get("last_name")), rec.get("user_name"), rec.value("sys_id")))
	a.Tags = rec.tags([]string{"user_name", "email", "title", "active", "vip", "department", "company", "location", "cost_center", "employee_number"})
	a.SeenAt = rec.when("sys_updated_on")
	if manager := rec.get("manager"); manager != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: manager, From: "manager"})
	}
	if mail := rec.get("manager.email"); mail != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: mail, From: "manager email"})
	}
	return a
}

// group describes a group of sys_user_group.
func (d *decoding) group(rec record) *asset.Description {
	a := identity(rec.value("sys_id"), cmp.Or(rec.get("name"), rec.value("sys_id")))
	a.Tags = rec.tags([]string{"email", "active", "type", "cost_center"})
	a.Tags["identity"] = "group"
	a.SeenAt = rec.when("sys_updated_on")
	if manager := rec.get("manager"); manager != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: manager, From: "manager"})
	}
	if parent := rec.value("parent"); parent != "" {
		a.Edges = append(a.Edges, member(parent, rec["parent"].Display))
	}
	return a
}

// membership tells, of a user, the group that it is a member of.
func (d *decoding) membership(rec record) *asset.Description {
	user, group := rec.value("user"), rec.value("group")
	if user == "" || group == "" {
		return nil
	}
	a := identity(user, cmp.Or(rec["user"].Display, user))
	a.Edges = []asset.Edge{member(group, rec["group"].Display)}
	return a
}

func member(group, name string) asset.Edge {
	return asset.Edge{Kind: asset.EdgeMemberOf, To: asset.Identifier{Kind: asset.SourceAssetID, Value: group}, ToKind: asset.Identity, ToName: cmp.Or(name, group)}
}

func identity(id, name string) *asset.Description {
	return &asset.Description{Kind: asset.Identity, Name: name, Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: id}}}
}

// relationKinds are the relation types that ServiceNow delivers, by the words before the
// colons, which are read from the parent; up is one that is an edge of the child's.
var relationKinds = map[string]struct { //nolint:gochecknoglobals // a constant table
	kind asset.EdgeKind
	up   bool
}{
	"runs on": {asset.EdgeRunsOn, false}, "hosted on": {asset.EdgeRunsOn, false}, "virtualized by": {asset.EdgeRunsOn, false}, "instantiates": {asset.EdgeInstanceOf, false},
	"contains": {asset.EdgePartOf, true}, "members": {asset.EdgePartOf, true}, "owns": {asset.EdgePartOf, true}, "cluster of": {asset.EdgePartOf, true},
	"depends on": {asset.EdgeDependsOn, false}, "uses": {asset.EdgeDependsOn, false}, "consumes": {asset.EdgeDependsOn, false}, "receives data from": {asset.EdgeDependsOn, false},
	"exposes": {asset.EdgeExposes, false}, "load balances": {asset.EdgeExposes, false}, "use end point to": {asset.EdgeDependsOn, false},
}

// relation tells, of one of its ends, the edge to the other; nil for a type that means
// nothing to us.
func (d *decoding) relation(rec record) *asset.Description {
	parent, child := rec.value("parent"), rec.value("child")
	words, _, _ := strings.Cut(strings.ToLower(cmp.Or(rec.get("type.name"), rec.get("type"))), "::")
	relation, ok := relationKinds[strings.TrimSpace(words)]
	if !ok || parent == "" || child == "" {
		return nil
	}
	from, to := "parent", "child"
	if relation.up {
		from, to = "child", "parent"
	}
	kind := func(end string) asset.Kind {
		if k, ok := d.config.Kinds[rec.value(end+".sys_class_name")]; ok {
			return asset.Kind(k)
		}
		return cmp.Or(classKinds[rec.value(end+".sys_class_name")], asset.Host)
	}
	return &asset.Description{
		Kind: kind(from), Name: cmp.Or(rec[from].Display, rec.value(from)), Zone: d.config.Zone,
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: rec.value(from)}},
		Edges: []asset.Edge{{
			Kind: relation.kind, To: asset.Identifier{Kind: asset.SourceAssetID, Value: rec.value(to)},
			ToKind: kind(to), ToName: cmp.Or(rec[to].Display, rec.value(to)), Note: cmp.Or(rec.get("type.name"), rec.get("type")),
		}},
	}
}

// tags are the columns that have a value.
func (r record) tags(columns []string) map[string]string {
	out := map[string]string{}
	for _, column := range columns {
		if text := r.get(column); text != "" {
			out[column] = text
		}
	}
	return out
}

// when is a column's time; ServiceNow stores UTC, and display values are in the user's
// zone and format.
func (r record) when(column string) time.Time { return wire.Moment(r.value(column)) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' })
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

// joined makes a full name of a bare one and its domain.
func joined(name, domain string) string {
	if domain == "" || strings.Contains(name, ".") || name == "" {
		return ""
	}
	return name + "." + strings.TrimPrefix(domain, ".")
}
