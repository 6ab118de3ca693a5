"""icon-assets: outbound contact-centre reporting as Dagster assets. Nothing is imported here."""

__version__ = "0.1.0"
