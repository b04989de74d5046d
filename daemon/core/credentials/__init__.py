"""Meta's access tokens over their life: how long each has, and its exchange for a new one."""
