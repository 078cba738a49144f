package okta

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// describe gives what an object of a list says of an asset; nil for one of no known kind.
func describe(list string, of parent, o *object) *asset.Description {
	switch list {
	case listApps:
		return app(o)
	case listUsers:
		return user(o)
	case listGroups:
		return group(o)
	case listMembers:
		a := user(o)
		a.Edges = []asset.Edge{{Kind: asset.EdgeMemberOf, To: id(listGroups, of.ID), ToKind: asset.Identity, ToName: cmp.Or(of.Name, of.ID)}}
		return a
	case listAppUsers, listAppGroups:
		of.ID = cmp.Or(of.ID, o.Links.App.id())
		if of.ID == "" {
			return nil
		}
		a := assignee(list, o)
		a.Edges = []asset.Edge{{Kind: asset.EdgeCanAccess, To: id(listApps, of.ID), ToKind: asset.SaaSApplication, ToName: cmp.Or(of.Name, of.ID), Note: strings.ToLower(o.Scope.String())}}
		return a
	}
	return nil
}

// id is the name of an object: Okta's IDs count within their kind.
func id(list, value string) asset.Identifier {
	return asset.Identifier{Kind: asset.SourceAssetID, Value: strings.TrimSuffix(list, "s") + "/" + value}
}

func app(o *object) *asset.Description {
	a := &asset.Description{
		Kind: asset.SaaSApplication, Name: cmp.Or(o.Label.String(), o.Name.String(), o.ID.String()), Identifiers: []asset.Identifier{id(listApps, o.ID.String())}, SeenAt: o.LastUpdated.Time,
		Tags: tags(map[string]wire.Text{"application": o.Name, "status": o.Status, "sign_on_mode": o.SignOn, "sign_on_url": o.Settings.SignOn.ACS, "url": o.Settings.App["url"],
			"domain": cmp.Or(o.Settings.App["domain"], o.Settings.App["subDomain"]), "features": wire.Text(strings.Join(o.Features, ","))}),
	}
	for _, key := range slices.Sorted(maps.Keys(o.Profile)) {
		if value := o.Profile[key].String(); value != "" && strings.Contains(strings.ToLower(key), "owner") {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "profile " + key})
		}
	}
	if note := o.Notes.Admin.String(); note != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: connectors.Redact(note), From: "administrator's note"})
	}
	return a
}

func user(o *object) *asset.Description {
	p := o.Profile
	a := &asset.Description{
		Kind: asset.Identity, Name: cmp.Or(p["displayName"].String(), strings.TrimSpace(p["firstName"].String()+" "+p["lastName"].String()), p["login"].String(), o.ID.String()),
		Identifiers: []asset.Identifier{id(listUsers, o.ID.String())}, SeenAt: o.LastUpdated.Time,
		Tags: tags(map[string]wire.Text{"login": p["login"], "email": p["email"], "status": o.Status, "title": p["title"], "department": p["department"], "division": p["division"],
			"cost_center": p["costCenter"], "organization": p["organization"], "user_type": p["userType"], "last_login": o.LastLogin}),
	}
	for _, key := range []string{"manager", "managerId", "department"} {
		if value := p[key].String(); value != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: key})
		}
	}
	return a
}

func group(o *object) *asset.Description {
	var kind wire.Text
	if len(o.Type) > 0 {
		_ = kind.UnmarshalJSON(o.Type) // it never fails
	}
	return &asset.Description{
		Kind: asset.Identity, Name: cmp.Or(o.Profile["name"].String(), o.ID.String()), Identifiers: []asset.Identifier{id(listGroups, o.ID.String())}, SeenAt: o.LastUpdated.Time,
		Tags: tags(map[string]wire.Text{"identity": "group", "type": kind, "description": o.Profile["description"]}),
	}
}

// assignee is the user or group of an assignment, by as much as the assignment says.
func assignee(list string, o *object) *asset.Description {
	switch {
	case o.Embedded.User != nil && o.Embedded.User.ID == o.ID:
		return user(o.Embedded.User)
	case o.Embedded.Group != nil && o.Embedded.Group.ID == o.ID:
		return group(o.Embedded.Group)
	case list == listAppGroups:
		return &asset.Description{Kind: asset.Identity, Name: o.ID.String(), Identifiers: []asset.Identifier{id(listGroups, o.ID.String())}, SeenAt: o.LastUpdated.Time}
	}
	return &asset.Description{Kind: asset.Identity, Name: cmp.Or(o.Credentials.UserName.String(), o.ID.String()), Identifiers: []asset.Identifier{id(listUsers, o.ID.String())}, SeenAt: o.LastUpdated.Time}
}

func tags(fields map[string]wire.Text) map[string]string {
	out := map[string]string{}
	for name, value := range fields {
		if text := value.String(); text != "" {
			out[name] = text
		}
	}
	return out
}
