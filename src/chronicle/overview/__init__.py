"""What an account's owner sees of it at one glance: the profile with its histories."""
