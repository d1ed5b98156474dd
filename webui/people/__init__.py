"""Who uses this Darkroom besides the machine's user: roles, what each may do on which route, keys and invitations, who did what."""
