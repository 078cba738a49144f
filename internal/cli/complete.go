package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
)

// completer gives words for a shell that asks, each with what it is after a tab.
type completer func(ctx context.Context, client *apiclient.Client, start string) []string

// completeFlag offers for a flag what the daemon knows.
func (a *app) completeFlag(cmd *cobra.Command, flag string, words completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, a.ask(words)); err != nil { // a slip of ours
		panic(err)
	}
}

// ask makes cobra's completion function. A daemon that doesn't answer at once completes
// nothing: a shell must not hang, nor print errors over what is being typed.
func (a *app) ask(words completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		const patience = 2 * time.Second
		client, err := a.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer client.Close()
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var out []string
		for _, word := range words(ctx, client, start) {
			if strings.HasPrefix(word, start) {
				out = append(out, word)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// first completes the first argument alone.
func (a *app) first(words completer) cobra.CompletionFunc {
	ask := a.ask(words)
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return ask(cmd, args, start)
	}
}

// manyCompleted is how many things a completion looks at.
const manyCompleted = 200

func (a *app) exposureIDs(ctx context.Context, client *apiclient.Client, _ string) []string {
	var out []string
	for item, err := range client.Exposures(ctx, nil, manyCompleted) {
		if err != nil {
			break // what came so far helps too
		}
		out = append(out, described(string(item.Value.ID), item.Value.Title))
	}
	return out
}

func (a *app) assetIDs(ctx context.Context, client *apiclient.Client, _ string) []string {
	var out []string
	for item, err := range client.Assets(ctx, nil, manyCompleted) {
		if err != nil {
			break // likewise
		}
		out = append(out, described(string(item.Value.ID), item.Value.Name))
	}
	return out
}

func (a *app) ticketKeys(ctx context.Context, client *apiclient.Client, _ string) []string {
	var out []string
	for item, err := range client.Tickets(ctx, nil, manyCompleted) {
		if err != nil {
			break // likewise
		}
		out = append(out, described(item.Value.ID, item.Value.Title))
	}
	return out
}

func (a *app) sourceNames(ctx context.Context, client *apiclient.Client, _ string) []string {
	items, err := client.Sources(ctx)
	if err != nil {
		return nil
	}
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = described(item.Value.Name, item.Value.Connector)
	}
	return out
}

func (a *app) teamNames(ctx context.Context, client *apiclient.Client, _ string) []string {
	items, err := client.Owners(ctx)
	if err != nil {
		return nil
	}
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = item.Value.Name
	}
	return out
}

// described is a word and what it is, as cobra wants them. What it is comes from outside.
func described(word, what string) string { return clean(word) + "\t" + clean(what) }
