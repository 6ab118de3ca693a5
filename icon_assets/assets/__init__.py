"""The assets, by stage: landing, raw (idb), final, marts, docs. Each calls the library and reports."""
