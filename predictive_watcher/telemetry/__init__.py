"""Where usage comes from; foreign formats end here."""
