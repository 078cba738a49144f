package apiclient

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// NotifierStatus is how a notifier is doing.
type NotifierStatus struct {
	Name      string          `json:"name"`
	Connector string          `json:"connector"`
	Sending   int64           `json:"sending"`
	Waiting   int64           `json:"waiting"`
	Next      time.Time       `json:"next"`
	Addresses []AddressStatus `json:"addresses"`
}

// AddressStatus is how an address of a notifier is doing.
type AddressStatus struct {
	Address   string    `json:"address"`
	To        string    `json:"to"`
	Waiting   int64     `json:"waiting"`
	Hour      int       `json:"hour"`
	Day       int       `json:"day"`
	Next      time.Time `json:"next"`
	Bad       string    `json:"bad"`
	Problem   string    `json:"problem"`
	Delivered time.Time `json:"delivered"`
}

// NotifierCheck is what a look at a notifier's set-up found.
type NotifierCheck struct {
	Name     string   `json:"name"`
	Problems []string `json:"problems"`
}

// Told is what was told to whom, or is to be.
type Told struct {
	ID       string    `json:"id"`
	Notifier string    `json:"notifier"`
	Address  string    `json:"address"`
	To       string    `json:"to"`
	Kind     string    `json:"kind"`
	Subject  string    `json:"subject"`
	Urgent   bool      `json:"urgent"`
	State    string    `json:"state"`
	At       time.Time `json:"at"`
	SentAt   time.Time `json:"sent_at"`
	Why      string    `json:"why"`
}

// Notifiers tells how those who tell people are doing.
func (c *Client) Notifiers(ctx context.Context) ([]Item[NotifierStatus], error) {
	return whole[NotifierStatus](ctx, c, "/notifiers")
}

// CheckNotifier looks at a notifier's set-up at its vendor.
func (c *Client) CheckNotifier(ctx context.Context, name string) (Item[NotifierCheck], error) {
	return post[NotifierCheck](ctx, c, "/notifiers"+seg(name)+"/check", struct{}{}, nil)
}

// TestNotifier sends a test message, and gives its ID.
func (c *Client) TestNotifier(ctx context.Context, name, to string) (Item[map[string]string], error) {
	return post[map[string]string](ctx, c, "/notifiers"+seg(name)+"/test", map[string]string{"to": to}, nil)
}

// Messages walks what was told and what is to be, newest first.
func (c *Client) Messages(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[Told], error] {
	return All[Told](ctx, c, "/messages", query, limit)
}
