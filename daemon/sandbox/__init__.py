"""WhatsApp on your own machine: a simulated Graph API that signs and posts webhooks.

Owns the simulation and its chat page. Never part of a running service: nothing in the core, the
API or the workers imports it.
"""

from daemon.sandbox.app import build_sandbox, serve_sandbox
from daemon.sandbox.config import Pace, SandboxClient, SandboxConfig

__all__ = ["Pace", "SandboxClient", "SandboxConfig", "build_sandbox", "serve_sandbox"]
