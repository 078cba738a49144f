package apiclient

import (
	"context"
	"net/url"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Place is where an exposure stands in its team's line.
type Place struct {
	Team     string    `json:"team"`
	Place    int       `json:"place"`
	Of       int       `json:"of"`
	Expected time.Time `json:"expected"` // zero where nothing tells
	Why      string    `json:"why"`      // what it waits for
}

// TeamQueue is what a team works on, and what waits for it, counted in fixes.
type TeamQueue struct {
	Team       string       `json:"team"`
	WIP        int          `json:"wip"`
	Intake     int          `json:"intake"`
	InProgress int          `json:"in_progress"`
	Begun      int          `json:"begun"`
	Waiting    int          `json:"waiting"`
	Exposures  int64        `json:"exposures"`
	First      []QueueEntry `json:"first"`
}

// QueueEntry is one place in a line.
type QueueEntry struct {
	Place     int                      `json:"place"`
	Fix       string                   `json:"fix"`
	Exposure  exposure.ID              `json:"exposure"`
	Title     string                   `json:"title"`
	Decision  exposure.DecisionOutcome `json:"decision"`
	Due       time.Time                `json:"due"`
	Since     time.Time                `json:"since"`
	Exposures int64                    `json:"exposures"`
	Expected  time.Time                `json:"expected"`
	Late      bool                     `json:"late"`
	Urgent    bool                     `json:"urgent"`
}

// Queue gives the line of each team, or of one.
func (c *Client) Queue(ctx context.Context, query url.Values) ([]Item[TeamQueue], error) {
	list, err := get[struct {
		Items []Item[TeamQueue] `json:"items"`
	}](ctx, c, "/queue", query)
	return list.Value.Items, err
}
