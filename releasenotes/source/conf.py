"""How Sphinx builds the release notes."""

project = 'Predictive Watcher Release Notes'
copyright = 'Predictive Watcher contributors'

extensions = ['openstackdocstheme', 'reno.sphinxext']

html_theme = 'openstackdocs'
pygments_style = 'native'

openstackdocs_auto_name = False
openstackdocs_pdf_link = False
