"""How Sphinx builds the documentation."""

project = 'Predictive Watcher'
copyright = 'Predictive Watcher contributors'

extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
]

# the generated sample configuration, offered for download
config_generator_config_file = [
    (
        '../../etc/predictive_watcher/config-generator.conf',
        '_static/predictive_watcher',
    ),
]

html_theme = 'openstackdocs'
html_static_path = ['_static']
pygments_style = 'native'
nitpicky = True

openstackdocs_auto_name = False
openstackdocs_pdf_link = False
