package exposure

import (
	"slices"
	"time"
)

// Membership is an exposure's part in a campaign. It stays for good; what ends with the
// campaign is its deadline.
type Membership struct {
	Campaign string    `json:"campaign"` // its ID
	Name     string    `json:"name"`
	Until    time.Time `json:"until,omitzero"` // due by then at the latest; zero: the campaign has ended
	Joined   time.Time `json:"joined"`
}

// MemberOf is the exposure's part in a campaign; nil where it has none.
func (e *Exposure) MemberOf(campaign string) *Membership {
	for i := range e.Campaigns {
		if e.Campaigns[i].Campaign == campaign {
			return &e.Campaigns[i]
		}
	}
	return nil
}

// Hastened is the part in the campaign that wants it fixed first; nil where none that
// hasn't ended does.
func (e *Exposure) Hastened() *Membership {
	var first *Membership
	for i := range e.Campaigns {
		m := &e.Campaigns[i]
		if !m.Until.IsZero() && (first == nil || m.Until.Before(first.Until)) {
			first = m
		}
	}
	return first
}

// maxCampaigns is in how many campaigns an exposure can be; of those that have ended the
// oldest are forgotten first.
const maxCampaigns = 32

// Join makes an exposure part of a campaign, once. False: it is already, or is in as many
// as it can be.
func (e *Exposure) Join(m Membership) bool {
	if e.MemberOf(m.Campaign) != nil {
		return false
	}
	list := slices.Clone(e.Campaigns)
	if len(list) >= maxCampaigns {
		ended := slices.IndexFunc(list, func(m Membership) bool { return m.Until.IsZero() })
		if ended < 0 {
			return false
		}
		list = slices.Delete(list, ended, ended+1)
	}
	list = append(list, m)
	e.Campaigns = list
	return true
}

// Reschedule gives a campaign's deadline another day. False: it is that, it has ended, or the
// exposure is none of its members.
func (e *Exposure) Reschedule(campaign string, until time.Time) bool {
	if m := e.MemberOf(campaign); m == nil || m.Until.IsZero() || m.Until.Equal(until) {
		return false
	}
	e.Campaigns = slices.Clone(e.Campaigns)
	e.MemberOf(campaign).Until = until
	return true
}

// Release ends a campaign's deadline. False: it has ended already, or the exposure is none
// of its members.
func (e *Exposure) Release(campaign string) bool {
	if m := e.MemberOf(campaign); m == nil || m.Until.IsZero() {
		return false
	}
	e.Campaigns = slices.Clone(e.Campaigns)
	e.MemberOf(campaign).Until = time.Time{}
	return true
}

// joinAll makes an exposure part of what another one is part of.
func (e *Exposure) joinAll(other *Exposure) (changed bool) {
	for i := range other.Campaigns {
		changed = e.Join(other.Campaigns[i]) || changed
	}
	return changed
}
