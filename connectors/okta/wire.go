package okta

import (
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once.
const (
	largestObject = 1 << 20
	shortText     = 1 << 10
)

// The lists of the API.
const (
	listApps      = "apps"
	listUsers     = "users"
	listGroups    = "groups"
	listAppUsers  = "app_users"
	listAppGroups = "app_groups"
	listMembers   = "members"
)

// envelope is what a pulled page is wrapped in: a list doesn't say of what it is.
type envelope struct {
	Version int             `json:"quell_okta"`
	List    string          `json:"list"`
	Of      *parent         `json:"of,omitempty"` // whose users or groups they are
	Page    json.RawMessage `json:"page"`
}

// parent is an application or group.
type parent struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// object is an application, user, group or assignment.
type object struct {
	ID          wire.Text            `json:"id"`
	Name        wire.Text            `json:"name"` // of an application's kind: "slack"
	Label       wire.Text            `json:"label"`
	Status      wire.Text            `json:"status"`
	SignOn      wire.Text            `json:"signOnMode"`
	Type        json.RawMessage      `json:"type"` // of a group a text, of a user an object
	Class       wire.Texts           `json:"objectClass"`
	Scope       wire.Text            `json:"scope"`
	Priority    wire.Text            `json:"priority"`
	Features    wire.Texts           `json:"features"`
	Created     wire.Time            `json:"created"`
	LastUpdated wire.Time            `json:"lastUpdated"`
	LastLogin   wire.Text            `json:"lastLogin"`
	Profile     map[string]wire.Text `json:"profile"`
	Notes       struct {
		Admin wire.Text `json:"admin"`
	} `json:"notes"`
	Settings struct {
		SignOn struct {
			ACS wire.Text `json:"ssoAcsUrl"`
		} `json:"signOn"`
		App map[string]wire.Text `json:"app"`
	} `json:"settings"`
	Credentials struct {
		UserName wire.Text `json:"userName"`
	} `json:"credentials"`
	Links struct {
		App   link `json:"app"`
		User  link `json:"user"`
		Group link `json:"group"`
	} `json:"_links"`
	Embedded struct {
		User  *object `json:"user"`
		Group *object `json:"group"`
	} `json:"_embedded"`
}

// link is a link to an object, whose ID is its last part.
type link struct {
	Href wire.Text `json:"href"`
}

func (l link) id() string {
	href := l.Href.String()
	return href[strings.LastIndexByte(href, '/')+1:]
}

// kind says what an object is by the fields that only its kind has.
func (o *object) kind() string {
	switch {
	case o.Links.App.Href != "" && (o.Links.User.Href != "" || o.Scope != ""):
		return listAppUsers
	case o.Links.App.Href != "" && o.Links.Group.Href != "":
		return listAppGroups
	case o.SignOn != "" || o.Label != "":
		return listApps
	case len(o.Class) > 0:
		return listGroups
	case o.Profile["login"] != "":
		return listUsers
	}
	return ""
}
