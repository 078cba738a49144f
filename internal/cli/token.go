package cli

import (
	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Aliases: []string{"tokens"}, Short: "List, create and revoke API tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"ID", "NAME", "ROLE", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "STATUS"}, wide: -1}
				return each(a, all(c.Tokens(cmd.Context())), 0, &t, func(v apiclient.Token) []string {
					status := "ok"
					switch {
					case !v.Revoked.IsZero():
						status = "revoked"
					case !v.Expires.IsZero() && !v.Expires.After(a.Now()):
						status = "expired"
					}
					scopes, expires := listed(v.Scopes), when(v.Expires)
					if scopes == "" {
						scopes = "all"
					}
					if expires == "" {
						expires = "never"
					}
					return []string{v.ID, v.Name, v.Role, scopes, when(v.Created), expires, a.ago(v.LastUsed), status}
				}, "there are no tokens")
			})
		},
	}
	cmd.AddCommand(a.createTokenCommand(), &cobra.Command{
		Use: "revoke ID...", Short: "Revoke tokens, at once and for good", Args: some(1, "the IDs of tokens"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				for _, id := range args {
					if err := c.RevokeToken(cmd.Context(), id); err != nil {
						return err
					}
					a.notef("%s: revoked", clean(id))
				}
				return nil
			})
		},
	})
	if a.FirstToken != nil {
		cmd.AddCommand(a.firstTokenCommand())
	}
	return cmd
}

func (a *app) firstTokenCommand() *cobra.Command {
	o := DaemonOptions{Version: a.Version}
	cmd := &cobra.Command{
		Use: "first", Short: "Make the first admin token of a new installation, straight in its store",
		Long: "Make an admin token where there is no usable one yet: every other token is made through the API, with one. It writes to the store that the " +
			"configuration names, so whoever may run it can reach the database anyway. It refuses where a usable admin token exists.",
		Example: "  quell token first --config /etc/quell/quell.yaml > admin.token", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.logger(cmd)
			if err != nil {
				return err
			}
			o.Log, o.Config = log, a.path(o.Config)
			text, err := a.FirstToken(cmd.Context(), o)
			if err != nil {
				return err
			}
			a.sayf("%s", clean(text))
			a.notef("keep it, it is not shown again; make one for each person with quell token create, then revoke this one")
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Config, "config", defaultConfig, "configuration `file`")
	return cmd
}

func (a *app) createTokenCommand() *cobra.Command {
	var in apiclient.TokenRequest
	var expires string
	cmd := &cobra.Command{
		Use: "create", Short: "Make a token; its text is printed this once",
		Long: "Make a token. Its name is who did it in every exposure's story, so give one to each person and program. The text goes to standard output, alone, and can't be had again.\n\n" +
			"Roles: viewer reads; operator decides, uploads and comments; approver also accepts risks; admin also makes tokens; probe uploads evidence and nothing else.",
		Example: "  quell token create --name ann --role approver --expires 90d\n  quell token create --name ci --role operator > ci.token",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if in.Expires, err = until(expires, a.Now()); err != nil {
				return err
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.CreateToken(cmd.Context(), in)
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("%s", clean(item.Value.Text))
				a.notef("this is token %s of %s (%s): keep it, it is not shown again", clean(item.Value.ID), clean(item.Value.Name), clean(item.Value.Role))
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Name, "name", "", "`name` of whom it is for")
	flags.StringVar(&in.Role, "role", "viewer", "`role`: viewer, operator, approver, admin or probe")
	flags.StringSliceVar(&in.Scopes, "scopes", nil, "the `scopes` that it sees (default all)")
	flags.StringVar(&expires, "expires", "90d", "its `end`: a date, a time or a duration; an empty one means never")
	complete(cmd, "role", []string{"viewer", "operator", "approver", "admin", "probe"})
	if err := cmd.MarkFlagRequired("name"); err != nil { // a slip of ours
		panic(err)
	}
	return cmd
}
